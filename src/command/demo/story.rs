use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use standfast::replay::{Load, Meter, Record, ReplayOptions, TraceGenerator, TraceRequest};
use standfast_core::{ByteSize, Clock, Role, Seq};
use standfast_master::Ack;
use standfast_metadata::{ClientOptions, MetadataClient, SegmentId, SegmentInfo};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::nodes::{DemoNode, complete, primary, same_state, wait_until};
use super::view::View;
use super::{sabotage, verdict};
use crate::command::args::DemoArguments;
use crate::command::stop::unless_stopped;
use crate::command::{Failure, output};

/// Requests of the trace: more than are played in the time there is.
const REQUESTS: usize = 200_000;

/// Plays the story and gives the verdict: exit code 0 when nothing that was acknowledged is missing.
pub(crate) async fn run(arguments: DemoArguments) -> Result<ExitCode, Failure> {
    let kept = arguments.dir.clone();
    let temporary = if kept.is_none() {
        Some(tempfile::tempdir()?)
    } else {
        None
    };
    let dir = match (&kept, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(dir)) => dir.path().to_owned(),
        (None, None) => return Err("no directory".into()),
    };
    std::fs::create_dir_all(&dir)?;
    if std::fs::read_dir(&dir)?.next().is_some() {
        return Err(format!("{} is not empty: name a new directory", dir.display()).into());
    }
    unless_stopped(tell(&arguments, &dir)).await
}

async fn tell(arguments: &DemoArguments, dir: &Path) -> Result<ExitCode, Failure> {
    let mut nodes = [
        DemoNode::new(dir, "a", Ack::Durable)?,
        DemoNode::new(dir, "b", Ack::Durable)?,
    ];
    let meter = Arc::new(Meter::new(Clock::system()));
    let endpoints: Vec<_> = nodes.iter().map(|node| node.endpoint.clone()).collect();
    let view = View::start(endpoints.clone(), Arc::clone(&meter));
    view.tell(&format!("everything lies in {}", dir.display()))?;
    start_cluster(&mut nodes, &view).await?;
    let mut load = start_load(dir, endpoints, &meter)?;
    view.tell("a generated trace of chat requests is played by 8 clients")?;
    let half = arguments.seconds.0 / 2;
    sleep(half).await;
    kill_primary(&mut nodes, &view).await?;
    sleep(half).await;
    load.stop.send_replace(true);
    let played = load.task.join_next().await.ok_or("the load is gone")???;
    view.tell(&format!(
        "load ended: {} acknowledged, {:.0} ops/s, p50 {:.2} ms, p99 {:.2} ms, longest gap {:.0} ms",
        played.report.acknowledged,
        played.report.ops_per_s,
        played.report.p50_ms,
        played.report.p99_ms,
        played.report.longest_gap_ms
    ))?;
    let status = wait_until(&mut nodes, "equal digests", |status| {
        complete(status, 2) && same_state(status)
    })
    .await?;
    if let Some(node) = status.nodes.first() {
        let digest = node
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default();
        view.tell(&format!(
            "both nodes have digest {digest} at seq {}",
            node.digest_seq
        ))?;
    }
    cold_start(arguments, dir, &mut nodes, &view).await?;
    let verdict = verdict::reach(&load.record, &nodes[1]).await?;
    view.stop().await?;
    drop(played);
    for line in &verdict.lines {
        output::line(line)?;
    }
    output::line(if verdict.good {
        "verdict OK"
    } else {
        "verdict NOT OK"
    })?;
    Ok(if verdict.good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn start_cluster(nodes: &mut [DemoNode; 2], view: &View) -> Result<(), Failure> {
    let initialised = nodes[0].command(&["cluster", "init"]).await?;
    if !initialised.status.success() {
        return Err(String::from_utf8_lossy(&initialised.stderr)
            .into_owned()
            .into());
    }
    for node in nodes.iter_mut() {
        let pid = node.start()?;
        view.tell(&format!(
            "node {} is process {pid}, gRPC on {}",
            node.name, node.endpoint
        ))?;
    }
    let status = wait_until(nodes, "a primary and a standby", |status| {
        complete(status, 2)
    })
    .await?;
    let leader = primary(&status)
        .map(|node| node.id.to_string())
        .unwrap_or_default();
    view.tell(&format!(
        "{leader} leads in epoch {}, the other follows",
        status.epoch
    ))
}

struct RunningLoad {
    stop: watch::Sender<bool>,
    task: JoinSet<Result<standfast::replay::Played, standfast_core::Error>>,
    record: PathBuf,
}

fn start_load(
    dir: &Path,
    endpoints: Vec<String>,
    meter: &Arc<Meter>,
) -> Result<RunningLoad, Failure> {
    let path = dir.join("acknowledged");
    let (stop, stopped) = watch::channel(false);
    let trace: Vec<TraceRequest> = TraceGenerator::new(7).take(REQUESTS).collect();
    let load = Load {
        trace: trace.into(),
        options: ReplayOptions {
            clients: 8,
            block_size: ByteSize(64 << 10),
            segments: 8,
            segment_size: ByteSize::mib(1 << 20),
            ..ReplayOptions::new(endpoints)
        },
        record: Arc::new(Record::create(&path, Clock::system())?),
        meter: Arc::clone(meter),
        stop: stopped,
    };
    let mut task = JoinSet::new();
    task.spawn(standfast::replay::run(load));
    Ok(RunningLoad {
        stop,
        task,
        record: path,
    })
}

/// SIGKILL in the middle of the load; the time from there to the acknowledgement of a write that was begun after it.
async fn kill_primary(nodes: &mut [DemoNode; 2], view: &View) -> Result<(), Failure> {
    let status = wait_until(nodes, "a primary", |status| primary(status).is_some()).await?;
    let leader = primary(&status)
        .map(|node| node.id.to_string())
        .unwrap_or_default();
    let endpoints: Vec<_> = nodes.iter().map(|node| node.endpoint.clone()).collect();
    let probe = MetadataClient::connect(&endpoints, ClientOptions::default()).await?;
    let victim = nodes
        .iter_mut()
        .find(|node| node.name == leader)
        .ok_or("nobody leads")?;
    let sent = victim.kill().await?;
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        name: "probe".to_owned(),
        endpoint: "probe.invalid:1".to_owned(),
        base: 1 << 32,
        size: 1 << 20,
        protocol: "none".to_owned(),
    };
    probe
        .mount_segment(&segment)
        .await?
        .map_err(|refusal| format!("refused: {refusal:?}"))?;
    let gap = sent.elapsed();
    view.tell(&format!(
        "SIGKILL to primary {leader}; a write begun after it was acknowledged {:.0} ms after it",
        gap.as_secs_f64() * 1e3
    ))?;
    let pid = victim.start()?;
    view.tell(&format!(
        "{leader} starts again as process {pid}, and follows"
    ))
}

/// Everything is killed, one `data_dir` emptied, and that node started alone.
async fn cold_start(
    arguments: &DemoArguments,
    dir: &Path,
    nodes: &mut [DemoNode; 2],
    view: &View,
) -> Result<(), Failure> {
    for node in nodes.iter_mut() {
        node.kill().await?;
    }
    std::fs::remove_dir_all(&nodes[1].data_dir)?;
    view.tell("both killed; the data_dir of b is emptied, the shared log and the bucket stay")?;
    if arguments.cut_log {
        let cut = sabotage::cut_one_batch(&dir.join("log"))?;
        view.tell(&format!(
            "--cut-log: one batch was cut out of the log ({cut})"
        ))?;
    }
    let begun = Instant::now();
    nodes[1].start()?;
    let wanted = |status: &standfast::node::ClusterStatus| {
        status.nodes.iter().any(|node| {
            node.id.as_str() == "b" && matches!(node.role, Role::Primary | Role::Failed)
        })
    };
    let status = wait_until(nodes, "b to serve again", wanted).await?;
    let Some(node) = status.nodes.iter().find(|node| node.id.as_str() == "b") else {
        return Err("b is not there".into());
    };
    match &node.failure {
        Some(failure) => view.tell(&format!("b refuses to serve: {failure}")),
        None => view.tell(&format!(
            "b serves again {:.0} ms after its start: {}, then the log to seq {}",
            begun.elapsed().as_secs_f64() * 1e3,
            beginning(node.snapshot_seq),
            node.applied_seq
        )),
    }
}

/// What a node began with.
fn beginning(snapshot: Seq) -> String {
    match snapshot {
        Seq::ZERO => "no snapshot".to_owned(),
        seq => format!("snapshot at seq {seq}"),
    }
}
