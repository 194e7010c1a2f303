//! `standfast bench catchup`: how long a standby that has nothing takes to follow.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast_core::Seq;
use standfast_master::Ack;
use tokio::time::Instant;

use super::cluster::BenchCluster;
use super::put::load::Clients;
use super::report::{self, BenchReport};
use super::stats::median;
use crate::command::args::CatchupArguments;
use crate::command::demo::nodes::primary;
use crate::command::status::ask;
use crate::command::{Failure, output};

/// Clients that write the log, and keys in each of their calls.
const LOAD: (usize, usize) = (4, 64);
/// They write for so long between two looks at how far the log is.
const WRITE: Duration = Duration::from_millis(200);
/// Entries and seconds that the target is about.
const TARGET: (u64, f64) = (400_000, 2.0);

/// Starts a standby with an empty data directory on a log without a snapshot, `runs` times: from the start of its process
/// to the first status that shows it at the end of the log.
pub(super) async fn run(arguments: CatchupArguments) -> Result<ExitCode, Failure> {
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut cluster = BenchCluster::quiet_on(&parent, &arguments.log, Ack::Durable).await?;
    let written = write(&mut cluster, arguments.entries).await?;
    let progress = output::progress(arguments.runs, "starts");
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        runs.push(one_start(&mut cluster).await?.as_secs_f64());
        progress.inc(1);
    }
    progress.finish_and_clear();
    cluster.remove(&arguments.log).await?;
    report::print(&[report(&arguments, written, runs)], arguments.output)
}

/// Puts until the log holds so many entries; how many it holds.
async fn write(cluster: &mut BenchCluster, entries: u64) -> Result<Seq, Failure> {
    let endpoint = cluster.roles().await?.0.endpoint.clone();
    let clients = Clients::connect(&endpoint, LOAD.0, LOAD.1).await?;
    let progress = output::progress(entries, "entries");
    loop {
        clients.calls(WRITE).await?;
        let status = ask(&endpoint).await?;
        let held = primary(&status).map_or(Seq::ZERO, |node| node.committed_seq);
        progress.set_position(held.0.min(entries));
        if held.0 >= entries {
            progress.finish_and_clear();
            cluster.complete().await?;
            return Ok(held);
        }
    }
}

async fn one_start(cluster: &mut BenchCluster) -> Result<Duration, Failure> {
    let (_, standby) = cluster.roles().await?;
    standby.kill().await?;
    std::fs::remove_dir_all(&standby.data_dir)?;
    let begun = Instant::now();
    standby.start()?;
    cluster.complete().await?;
    Ok(begun.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn report(arguments: &CatchupArguments, written: Seq, runs: Vec<f64>) -> BenchReport {
    let value = median(&runs);
    let (entries, seconds) = TARGET;
    let judged = arguments.entries == entries;
    BenchReport {
        bench: "catchup",
        backend: arguments.log.backend.name(),
        params: json!({
            "entries": written,
            "entries_per_s": written.0 as f64 / value,
            "what": "process start to in sync, empty data directory, no snapshot",
        }),
        runs,
        value,
        latency: None,
        loss: None,
        unit: "s",
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!({ "mooncake_0.3.13_s": 10.2 }),
        target: format!("< {seconds} s for {entries} entries"),
        holds: !judged || value < seconds,
    }
}
