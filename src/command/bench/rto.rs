use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast_master::Ack;
use tokio::time::sleep;

use super::LogBackend;
use super::cluster::BenchCluster;
use super::report::{self, BenchReport};
use super::stats::{Latency, median};
use super::writer::Writer;
use crate::command::args::RtoArguments;
use crate::command::{Failure, output};

/// Load before each kill.
const WARM: Duration = Duration::from_millis(500);

/// Kills the primary, `runs` times: from the return of kill(2) to the first acknowledgement of a write that was
/// begun after it, as a client with default retries sees it.
pub(super) async fn run(arguments: RtoArguments) -> Result<ExitCode, Failure> {
    let mut cluster = BenchCluster::start_on(&arguments.log, Ack::Durable).await?;
    let mut writer = Writer::start(&cluster.endpoints()).await?;
    let progress = output::progress(arguments.runs, "kills");
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        runs.push(one_kill(&mut cluster, &mut writer).await?.as_secs_f64() * 1e3);
        progress.inc(1);
    }
    progress.finish_and_clear();
    cluster.remove(&arguments.log).await?;
    let (value, latency) = (median(&runs), Latency::of(&runs));
    let target = target_ms(arguments.log.backend);
    let report = BenchReport {
        bench: "rto",
        backend: arguments.log.backend.name(),
        params: json!({ "runs": arguments.runs, "pacing_ms": 1, "what": "process death, one host" }),
        runs,
        value,
        latency: Some(latency),
        loss: None,
        unit: "ms",
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!({ "mooncake_0.3.13_ms": [8800, 9900, 11500] }),
        target: format!("median < {target} ms, max < 1500 ms"),
        holds: value < target && latency.max < 1500.0,
    };
    report::print(&[report], arguments.output)
}

/// What the median is to stay below. A RocksDB has to be opened, and to write out what it recovers.
const fn target_ms(backend: LogBackend) -> f64 {
    match backend {
        LogBackend::File => 200.0,
        #[cfg(feature = "rocksdb")]
        LogBackend::Rocksdb => 700.0,
        #[cfg(feature = "etcd")]
        LogBackend::Etcd => 500.0,
    }
}

async fn one_kill(cluster: &mut BenchCluster, writer: &mut Writer) -> Result<Duration, Failure> {
    sleep(WARM).await;
    let (victim, _) = cluster.roles().await?;
    let killed = victim.kill().await?;
    let seen = writer.until_begun_after(killed).await?;
    let first = seen.last().ok_or("no write was acknowledged")?;
    victim.start()?;
    cluster.complete().await?;
    Ok(first.acknowledged - killed)
}
