use std::time::Duration;

use bytes::Bytes;
use standfast_metadata::{
    ClientOptions, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::command::Failure;

/// Pause of the client between two writes.
const PACE: Duration = Duration::from_millis(1);
/// Longest that a write may take before the run counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Writes that are remembered until somebody looks: several seconds of them.
const REMEMBERED: usize = 16_384;

/// A write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) begun: Instant,
    pub(super) acknowledged: Instant,
}

/// A client that writes one object after the other, with default retries and a millisecond between two.
pub(super) struct Writer {
    _task: JoinSet<Result<(), Failure>>,
    written: mpsc::Receiver<Written>,
    failed: watch::Receiver<Option<String>>,
}

impl Writer {
    pub(super) async fn start(endpoints: &[String]) -> Result<Self, Failure> {
        let client = MetadataClient::connect(endpoints, ClientOptions::default()).await?;
        let segment = SegmentInfo {
            id: SegmentId::random(),
            incarnation: 1,
            name: "bench".to_owned(),
            endpoint: "bench.invalid:1".to_owned(),
            base: 1 << 32,
            size: 1 << 40,
            protocol: "none".to_owned(),
        };
        client
            .mount_segment(&segment)
            .await?
            .map_err(|refusal| format!("{refusal:?}"))?;
        let (sender, written) = mpsc::channel(REMEMBERED);
        let (failure, failed) = watch::channel(None);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let result = write(&client, &sender).await;
            if let Err(error) = &result {
                failure.send_replace(Some(error.to_string()));
            }
            result
        });
        Ok(Self {
            _task: task,
            written,
            failed,
        })
    }

    /// Forgets what was written so far.
    pub(super) fn forget(&mut self) {
        while self.written.try_recv().is_ok() {}
    }

    /// Every write since the last look, up to the first that was begun after `instant`.
    pub(super) async fn until_begun_after(
        &mut self,
        instant: Instant,
    ) -> Result<Vec<Written>, Failure> {
        let give_up = instant + PATIENCE;
        let mut seen = Vec::new();
        while let Some(one) = tokio::time::timeout_at(give_up, self.written.recv()).await? {
            seen.push(one);
            if one.begun >= instant {
                return Ok(seen);
            }
        }
        let why = self.failed.borrow().clone().unwrap_or_default();
        Err(format!("the client gave up: {why}").into())
    }
}

async fn write(client: &MetadataClient, written: &mpsc::Sender<Written>) -> Result<(), Failure> {
    let mut number = 0_u64;
    loop {
        number += 1;
        let key = Bytes::from(format!("{number:032x}"));
        let object = PutObject {
            key,
            size: 4096,
            checksum: None,
        };
        let begun = Instant::now();
        let placed = client.put(&[object], &Placement::default()).await?;
        for one in placed {
            one.map_err(|refusal| format!("{refusal:?}"))?;
        }
        let one = Written {
            begun,
            acknowledged: Instant::now(),
        };
        // A channel that is full means that nobody looks right now.
        if written.try_send(one).is_err() && written.is_closed() {
            return Ok(());
        }
        sleep(PACE).await;
    }
}
