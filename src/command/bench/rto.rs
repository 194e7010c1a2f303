use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use standfast_metadata::{
    ClientOptions, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::report::{BenchReport, largest, median};
use crate::command::args::RtoArguments;
use crate::command::demo::nodes::{DemoNode, complete, primary, wait_until};
use crate::command::{Failure, output};

/// Pause of the client between two writes.
const PACE: Duration = Duration::from_millis(1);
/// Load before each kill.
const WARM: Duration = Duration::from_millis(500);
/// Longest that a write may take before the run counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Kills the primary, `runs` times: from the return of kill(2) to the first acknowledgement of a write that was
/// begun after it, as a client with default retries sees it.
pub(super) async fn run(arguments: RtoArguments) -> Result<ExitCode, Failure> {
    let dir = tempfile::tempdir()?;
    let mut nodes = [
        DemoNode::new(dir.path(), "a")?,
        DemoNode::new(dir.path(), "b")?,
    ];
    let initialised = nodes[0].command(&["cluster", "init"]).await?;
    if !initialised.status.success() {
        return Err(String::from_utf8_lossy(&initialised.stderr)
            .into_owned()
            .into());
    }
    for node in &mut nodes {
        node.start()?;
    }
    wait_until(&mut nodes, "both nodes", |status| complete(status, 2)).await?;
    let mut writer = Writer::start(&nodes).await?;
    let progress = output::progress(arguments.runs, "kills");
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        runs.push(one_kill(&mut nodes, &mut writer).await?.as_secs_f64() * 1e3);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let (value, max) = (median(&runs), largest(&runs));
    let report = BenchReport {
        bench: "rto",
        backend: "file",
        params: json!({ "runs": arguments.runs, "pacing_ms": 1, "what": "process death, one host" }),
        runs,
        value,
        max,
        unit: "ms",
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!({ "mooncake_0.3.13_ms": [8800, 9900, 11500] }),
        target: "median < 200 ms, max < 1500 ms".to_owned(),
        holds: value < 200.0 && max < 1500.0,
    };
    report.print(arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

async fn one_kill(nodes: &mut [DemoNode; 2], writer: &mut Writer) -> Result<Duration, Failure> {
    sleep(WARM).await;
    let status = wait_until(nodes, "a primary", |status| primary(status).is_some()).await?;
    let leader = primary(&status)
        .map(|node| node.id.to_string())
        .unwrap_or_default();
    let victim = nodes
        .iter_mut()
        .find(|node| node.name == leader)
        .ok_or("nobody leads")?;
    let killed = victim.kill().await?;
    let acknowledged = tokio::time::timeout(PATIENCE, writer.begun_after(killed)).await??;
    victim.start()?;
    wait_until(nodes, "both nodes", |status| complete(status, 2)).await?;
    Ok(acknowledged - killed)
}

/// A client that writes one object after the other.
struct Writer {
    _task: JoinSet<Result<(), Failure>>,
    written: mpsc::Receiver<(Instant, Instant)>,
    failed: watch::Receiver<Option<String>>,
}

impl Writer {
    async fn start(nodes: &[DemoNode]) -> Result<Self, Failure> {
        let endpoints: Vec<_> = nodes.iter().map(|node| node.endpoint.clone()).collect();
        let client = MetadataClient::connect(&endpoints, ClientOptions::default()).await?;
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
        let (sender, written) = mpsc::channel(1024);
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

    /// When the first write was acknowledged that was begun after `instant`.
    async fn begun_after(&mut self, instant: Instant) -> Result<Instant, Failure> {
        while let Some((begun, acknowledged)) = self.written.recv().await {
            if begun >= instant {
                return Ok(acknowledged);
            }
        }
        let why = self.failed.borrow().clone().unwrap_or_default();
        Err(format!("the client gave up: {why}").into())
    }
}

async fn write(
    client: &MetadataClient,
    written: &mpsc::Sender<(Instant, Instant)>,
) -> Result<(), Failure> {
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
        // A channel that is full means that nobody looks right now.
        if written.try_send((begun, Instant::now())).is_err() && written.is_closed() {
            return Ok(());
        }
        sleep(PACE).await;
    }
}
