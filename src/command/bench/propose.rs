//! `standfast bench propose`: commands a second through a master in this process, and how long each takes.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast_core::{Clock, TermEndReason};
use standfast_master::TermHandle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::append::bare;
use super::in_process::InProcess;
use super::ledger::write_once;
use super::report::{self, BenchReport};
use super::stats::{Latency, median};
use crate::command::args::AppendArguments;
use crate::command::{Failure, output};

/// Bytes of an entry, and of a bare write.
const ENTRY: usize = 200;

/// So many callers, and what they are to reach.
#[derive(Clone, Copy)]
struct Target {
    callers: u64,
    ratio: f64,
    p99_ms: f64,
}

const TARGETS: [Target; 3] = [
    Target {
        callers: 1,
        ratio: 0.0,
        p99_ms: f64::INFINITY,
    },
    Target {
        callers: 64,
        ratio: 15.0,
        p99_ms: 2.0,
    },
    Target {
        callers: 1024,
        ratio: 40.0,
        p99_ms: f64::INFINITY,
    },
];

/// Ours, bare, and the milliseconds of every command of ours.
struct Pair {
    ours: f64,
    bare: f64,
    took: Vec<f64>,
}

/// Callers that each wait for their answer before they go on, with `ack = "durable"`; in pairs with one
/// thread that writes and syncs the bytes of one entry after the other.
pub(super) async fn run(arguments: AppendArguments) -> Result<ExitCode, Failure> {
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let span = arguments.seconds.0 / u32::try_from(2 * TARGETS.len() * arguments.pairs)?;
    let progress = output::progress((TARGETS.len() * arguments.pairs) as u64, "pairs");
    let nodes = InProcess::new(&parent, &arguments.log).await?;
    let term = nodes.lead("a").await?;
    let handle = term.handle();
    let mut reports = Vec::new();
    for target in TARGETS {
        let mut pairs = Vec::new();
        for _ in 0..arguments.pairs {
            let (ours, took) = call(&handle, target.callers, span).await?;
            let bare = bare(&arguments.log, nodes.dir(), &[7; ENTRY], span).await?;
            pairs.push(Pair { ours, bare, took });
            progress.inc(1);
        }
        reports.push(BenchReport {
            backend: arguments.log.backend.name(),
            ..report(target, &pairs)
        });
    }
    progress.finish_and_clear();
    handle.stop(TermEndReason::Shutdown);
    term.ended().await;
    nodes.remove().await?;
    report::print(&reports, arguments.output)
}

/// Answers a second, and how long each took.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
async fn call(term: &TermHandle, callers: u64, span: Duration) -> Result<(f64, Vec<f64>), Failure> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (term, clock) = (term.clone(), Clock::system());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < span {
                let asked = Instant::now();
                write_once(&term, &clock, caller).await?;
                took.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, Failure>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(one) = tasks.join_next().await {
        took.extend(one??);
    }
    let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
    Ok((rate, took))
}

fn report(target: Target, pairs: &[Pair]) -> BenchReport {
    let runs: Vec<_> = pairs.iter().map(|pair| pair.ours).collect();
    let bare: Vec<_> = pairs.iter().map(|pair| pair.bare).collect();
    let ratios: Vec<_> = pairs.iter().map(|pair| pair.ours / pair.bare).collect();
    let took: Vec<_> = pairs.iter().flat_map(|pair| pair.took.clone()).collect();
    let (ratio, latency) = (median(&ratios), Latency::of(&took));
    let within = if target.p99_ms.is_finite() {
        format!(", p99 < {} ms", target.p99_ms)
    } else {
        String::new()
    };
    BenchReport {
        bench: "propose",
        backend: "file",
        params: json!({
            "callers": target.callers,
            "entry_bytes": ENTRY,
            "ack": "durable",
            "pairs": pairs.len(),
            "latency_unit": "ms",
        }),
        value: median(&runs),
        runs,
        latency: Some(latency),
        loss: None,
        unit: "commands/s",
        higher_is_better: true,
        yardstick: Some(median(&bare)),
        ratio: Some(ratio),
        reference: json!(null),
        target: if target.ratio > 0.0 {
            format!("ratio >= {}{within}", target.ratio)
        } else {
            "none".to_owned()
        },
        holds: ratio >= target.ratio && latency.p99 < target.p99_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ours: f64, took: f64) -> Pair {
        Pair {
            ours,
            bare: 10.0,
            took: vec![took],
        }
    }

    #[test]
    fn too_slow_is_a_miss_however_many_are_answered() {
        let [_, of_64, _] = TARGETS;
        assert!(report(of_64, &[pair(150.0, 1.9)]).holds);
        assert!(!report(of_64, &[pair(149.0, 1.9)]).holds);
        assert!(!report(of_64, &[pair(900.0, 2.1)]).holds);
    }
}
