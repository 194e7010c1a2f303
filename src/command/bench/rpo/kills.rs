use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast::replay::{BlockKey, Record, check};
use standfast_master::Ack;
use tokio::time::sleep;

use super::load::{TOGETHER, WRITERS, WriteLoad};
use super::loss::Loss;
use crate::command::args::RpoArguments;
use crate::command::bench::cluster::BenchCluster;
use crate::command::bench::report::{self, BenchReport};
use crate::command::bench::stats::median;
use crate::command::{Failure, output};

/// Load before each kill.
const WARM: Duration = Duration::from_millis(500);
/// A run with fewer acknowledged writes before its kill says nothing.
const ENOUGH: u64 = 1000;
/// So many writes after the kill were not all under way before it: the next primary has acknowledged some.
const TAKEN_OVER: u64 = 2 * WRITERS as u64 * TOGETHER;
/// `async` may lose less than this.
const WINDOW_MS: f64 = 1000.0;

/// Kills the primary under load, `runs` times, and asks the next one for every write that was acknowledged.
pub(in crate::command::bench) async fn run(arguments: RpoArguments) -> Result<ExitCode, Failure> {
    let ack = Ack::from(arguments.ack);
    let mut cluster = BenchCluster::start(ack).await?;
    let progress = output::progress(arguments.runs, "kills");
    let mut kills = Vec::new();
    for run in 0..arguments.runs {
        let loss = one_kill(&mut cluster, run).await?;
        if loss.acknowledged < ENOUGH {
            return Err(format!(
                "only {} writes were acknowledged before kill {run}, {ENOUGH} are needed for a verdict: \
                 is the machine busy?",
                loss.acknowledged
            )
            .into());
        }
        kills.push(loss);
        progress.inc(1);
    }
    progress.finish_and_clear();
    report::print(&[report(ack, &kills)], arguments.output)
}

async fn one_kill(cluster: &mut BenchCluster, run: u64) -> Result<Loss, Failure> {
    let endpoints = cluster.endpoints();
    let mut load = WriteLoad::start(cluster.dir(), endpoints.clone(), run)?;
    load.acknowledged_more(ENOUGH).await?;
    sleep(WARM).await;
    let (victim, _) = cluster.roles().await?;
    let killed = victim.kill().await? - load.began;
    load.acknowledged_more(TAKEN_OVER).await?;
    let record = load.record.clone();
    let played = load.end().await?;
    let checked = check(&record, &endpoints, &HashSet::<BlockKey>::new()).await?;
    let killed_us = u64::try_from(killed.as_micros())?;
    // Until here: what they lend is gone with them, and the objects with it.
    drop(played);
    let loss = Loss::of_kill(&Record::read(&record)?, &checked.missing, killed_us);
    victim.start()?;
    cluster.complete().await?;
    Ok(loss)
}

fn report(ack: Ack, kills: &[Loss]) -> BenchReport {
    let all = Loss::of_all(kills);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let lost = |loss: &Loss| loss.lost as f64;
    let (runs, unit, target): (Vec<_>, _, _) = match ack {
        Ack::Durable | Ack::Replicated => (
            kills.iter().map(lost).collect(),
            "writes",
            "0 lost in all runs",
        ),
        Ack::Async => (
            kills.iter().map(|loss| loss.window_ms).collect(),
            "ms",
            "less than 1000 ms of writes lost in every run",
        ),
    };
    BenchReport {
        bench: "rpo",
        backend: "file",
        params: json!({
            "runs": kills.len(),
            "ack": ack,
            "writers": WRITERS,
            "batch": TOGETHER,
            "store_stall": "not measured",
        }),
        value: median(&runs),
        runs,
        latency: None,
        holds: holds(ack, &all),
        loss: Some(all),
        unit,
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!({ "mooncake_0.3.13_lost_of_a_batch_burst": 0.38 }),
        target: target.to_owned(),
    }
}

/// What counts is the worst run, not the median.
fn holds(ack: Ack, all: &Loss) -> bool {
    match ack {
        Ack::Durable | Ack::Replicated => all.lost == 0,
        Ack::Async => all.window_ms < WINDOW_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(lost: u64, window_ms: f64) -> Loss {
        Loss {
            acknowledged: 5000,
            lost,
            window_ms,
        }
    }

    #[test]
    fn one_lost_write_is_too_many_if_it_was_durable() {
        let kills = [lost(0, 0.0), lost(1, 0.5), lost(0, 0.0)];
        assert!(!report(Ack::Durable, &kills).holds);
        assert!(report(Ack::Durable, &kills[..1]).holds);
    }

    #[test]
    fn async_may_lose_less_than_a_second() {
        assert!(report(Ack::Async, &[lost(900, 999.0)]).holds);
        assert!(!report(Ack::Async, &[lost(0, 0.0), lost(1, 1000.0)]).holds);
    }
}
