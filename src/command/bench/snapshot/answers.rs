use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use standfast_metadata::{MetadataClient, Placement, PutObject};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::lender::lender;
use crate::command::Failure;

/// Clients that write one object after the other.
const CLIENTS: u64 = 2;

/// When the clients of a primary were answered.
pub(super) struct Answers {
    at: Arc<Mutex<Vec<Instant>>>,
    failed: Arc<Mutex<Option<String>>>,
    _tasks: JoinSet<()>,
}

impl Answers {
    /// The objects written are others than those of any other `run`.
    pub(super) async fn start(endpoint: &str, run: u64) -> Result<Self, Failure> {
        let client = lender(endpoint).await?;
        let at = Arc::<Mutex<Vec<_>>>::default();
        let failed = Arc::<Mutex<Option<_>>>::default();
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let (client, at) = (client.clone(), Arc::clone(&at));
            let failed = Arc::clone(&failed);
            tasks.spawn(async move {
                if let Err(error) = write(&client, (run * CLIENTS + number + 1) << 40, &at).await {
                    *failed.lock() = Some(error.to_string());
                }
            });
        }
        Ok(Self {
            at,
            failed,
            _tasks: tasks,
        })
    }

    /// Whether the clients still write.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let failed = self.failed.lock().clone();
        failed.map_or(Ok(()), |why| Err(format!("a client gave up: {why}").into()))
    }

    /// The longest time without an answer between the two, in milliseconds.
    pub(super) fn longest_gap(&self, from: Instant, to: Instant) -> f64 {
        let mut at = self.at.lock().clone();
        at.retain(|at| (from..to).contains(at));
        at.extend([from, to]);
        at.sort_unstable();
        let gaps = at.iter().zip(at.iter().skip(1));
        gaps.map(|(before, after)| (*after - *before).as_secs_f64() * 1e3)
            .fold(0.0, f64::max)
    }
}

async fn write(
    client: &MetadataClient,
    first: u64,
    at: &Mutex<Vec<Instant>>,
) -> Result<(), Failure> {
    for number in first.. {
        let object = PutObject {
            key: Bytes::from(format!("{number:016x}{number:016x}")),
            size: 4096,
            checksum: None,
        };
        for placed in client
            .put_start(std::slice::from_ref(&object), &Placement::default())
            .await?
        {
            placed.map_err(|refusal| format!("{refusal:?}"))?;
        }
        at.lock().push(Instant::now());
        for ended in client.put_end(&[object]).await? {
            ended.map_err(|refusal| format!("{refusal:?}"))?;
        }
        at.lock().push(Instant::now());
    }
    Ok(())
}
