//! `standfast bench overhead`: what log and standby add to a put.

mod no_log;
mod replicated;
mod report;
mod sync;

use std::process::ExitCode;
use std::time::Duration;

use standfast_master::Ack;

use self::no_log::NoLog;
pub(super) use self::no_log::serve;
use self::replicated::Replicated;
use self::report::{Round, report};
use super::cluster::BenchCluster;
use super::put::ENTRIES;
use super::put::load::Clients;
use super::report::print;
use super::stats::Latency;
use crate::command::args::{AckArgument, PairsArguments};
use crate::command::{Failure, output};

/// Puts by one client, one after the other: in turn against a primary whose log a standby follows, against a node
/// without a log, and beside bare syncs; then against a primary whose standby has each put in a log of its own.
pub(super) async fn run(arguments: PairsArguments) -> Result<ExitCode, Failure> {
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let span = arguments.seconds.0 / u32::try_from(10 * arguments.pairs)?;
    let progress = output::progress(3 * arguments.pairs as u64, "rounds");
    let mut reports = Vec::new();
    for ack in [AckArgument::Async, AckArgument::Durable] {
        let mut bench = Bench::start(&parent, ack).await?;
        let mut rounds = Vec::new();
        for _ in 0..arguments.pairs {
            rounds.push(bench.round(span).await?);
            progress.inc(1);
        }
        reports.push(report(ack, &rounds));
    }
    let mut bench = Replicated::start(&parent).await?;
    let mut rounds = Vec::new();
    for _ in 0..arguments.pairs {
        rounds.push(bench.round(span).await?);
        progress.inc(1);
    }
    reports.push(replicated::report(&rounds));
    progress.finish_and_clear();
    print(&reports, arguments.output)
}

/// The nodes that are compared, and a client of each.
struct Bench {
    cluster: BenchCluster,
    logged: Clients,
    no_log: Clients,
    /// Dropped, and with it its process, before its directory.
    _node: NoLog,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn start(parent: &std::path::Path, ack: AckArgument) -> Result<Self, Failure> {
        let mut cluster = BenchCluster::quiet(parent, Ack::from(ack)).await?;
        let endpoint = cluster.roles().await?.0.endpoint.clone();
        let dir = tempfile::tempdir_in(parent)?;
        let node = NoLog::start(dir.path()).await?;
        Ok(Self {
            logged: Clients::connect(&endpoint, 1, 1).await?,
            no_log: Clients::connect(&node.endpoint, 1, 1).await?,
            cluster,
            _node: node,
            _dir: dir,
        })
    }

    async fn round(&mut self, span: Duration) -> Result<Round, Failure> {
        let logged = Latency::of(&self.logged.latencies(span).await?);
        // Its figures are of a cluster whose standby keeps up.
        self.cluster.complete().await?;
        let no_log = Latency::of(&self.no_log.latencies(span).await?);
        let sync = Latency::of(&sync::times(self.cluster.dir(), &[7; ENTRIES], span)?);
        Ok(Round {
            logged,
            no_log,
            sync,
        })
    }
}
