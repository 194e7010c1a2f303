use std::path::Path;
use std::time::Duration;

use serde_json::json;
use standfast_core::{Clock, TermEndReason};
use standfast_master::TermHandle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Pairs, raw};
use crate::command::Failure;
use crate::command::bench::in_process::InProcess;
use crate::command::bench::ledger::write_once;
use crate::command::bench::report::BenchReport;
use crate::command::bench::stats::median;

/// Producers, and the ratio to reach.
pub(super) const COUNTS: [(u32, f64); 3] = [(1, 0.5), (64, 15.0), (1024, 40.0)];
/// Bytes of an entry, and of a bare write.
const ENTRY: usize = 200;

/// Durable entries a second of many producers, each of which waits for its answer before it goes on, through a master
/// in this process; beside one thread that writes and syncs the bytes of one entry after the other.
pub(super) async fn measure(parent: &Path, pairs: &Pairs) -> Result<Vec<BenchReport>, Failure> {
    let nodes = InProcess::new(parent, &pairs.log).await?;
    let term = nodes.lead("a").await?;
    let handle = term.handle();
    let mut reports = Vec::new();
    for (producers, target) in COUNTS {
        let mut found = Vec::new();
        for _ in 0..pairs.count {
            let ours = rate(&handle, producers, pairs.span).await?;
            let bare = raw::preallocated(nodes.dir(), &[7; ENTRY], pairs.span)?;
            found.push((ours, bare));
            pairs.progress.inc(1);
        }
        reports.push(report((producers, target), &found));
    }
    handle.stop(TermEndReason::Shutdown);
    term.ended().await;
    Ok(reports)
}

/// Answers a second.
async fn rate(term: &TermHandle, producers: u32, span: Duration) -> Result<f64, Failure> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for producer in 0..producers {
        let (term, clock) = (term.clone(), Clock::system());
        tasks.spawn(async move {
            let mut answers = 0_u32;
            while begun.elapsed() < span {
                write_once(&term, &clock, u64::from(producer)).await?;
                answers += 1;
            }
            Ok::<_, Failure>(answers)
        });
    }
    let mut answers = 0;
    while let Some(one) = tasks.join_next().await {
        answers += one??;
    }
    Ok(f64::from(answers) / begun.elapsed().as_secs_f64())
}

fn report((producers, target): (u32, f64), pairs: &[(f64, f64)]) -> BenchReport {
    let runs: Vec<_> = pairs.iter().map(|(ours, _)| *ours).collect();
    let raw: Vec<_> = pairs.iter().map(|(_, raw)| *raw).collect();
    let ratios: Vec<_> = pairs.iter().map(|(ours, raw)| ours / raw).collect();
    let ratio = median(&ratios);
    BenchReport {
        bench: "append",
        backend: "file",
        params: json!({
            "producers": producers,
            "entry_bytes": ENTRY,
            "pairs": pairs.len(),
        }),
        value: median(&runs),
        runs,
        latency: None,
        loss: None,
        unit: "entries/s",
        higher_is_better: true,
        yardstick: Some(median(&raw)),
        ratio: Some(ratio),
        reference: json!(null),
        target: format!("ratio >= {target}"),
        holds: ratio >= target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_below_the_target_does_not_hold() {
        let pairs = [(140.0, 10.0), (149.0, 10.0), (200.0, 10.0)];
        assert!(!report((64, 15.0), &pairs).holds);
        assert!(report((64, 14.0), &pairs).holds);
    }
}
