use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast_core::{Clock, Seq, TermEndReason};
use standfast_master::TermHandle;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};

use super::lags::Applied;
use super::raw;
use crate::command::args::LagArguments;
use crate::command::bench::in_process::{Follower, InProcess};
use crate::command::bench::ledger::write_once;
use crate::command::bench::report::{self, BenchReport};
use crate::command::bench::stats::{Latency, median};
use crate::command::{Failure, output};

/// Tasks that share the rate: each writes in turn.
const PRODUCERS: u32 = 64;
/// The standby may be so far behind at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Primary and standby over one log, in this process: from the answer to a write to the standby having applied
/// its entry, at a steady rate.
pub(in crate::command::bench) async fn run(arguments: LagArguments) -> Result<ExitCode, Failure> {
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let nodes = InProcess::new(&parent, &arguments.log).await?;
    let term = nodes.lead("a").await?;
    let mut follower = nodes.follow("b").await?;
    let handle = term.handle();
    let span = arguments.seconds.0 / u32::try_from(2 * arguments.runs)?;
    let progress = output::progress(arguments.runs, "runs");
    let (mut runs, mut bare) = (Vec::new(), Vec::new());
    let mut all = Vec::new();
    let mut taken = Duration::ZERO;
    for _ in 0..arguments.runs {
        let begun = Instant::now();
        let lags = one_run(&handle, &mut follower, arguments.rate, span).await?;
        taken += begun.elapsed();
        runs.push(Latency::of(&lags).p50);
        all.extend(lags);
        bare.push(Latency::of(&raw::put_to_watch(nodes.dir(), span).await?).p50);
        progress.inc(1);
    }
    progress.finish_and_clear();
    handle.stop(TermEndReason::Shutdown);
    term.ended().await;
    drop(follower);
    nodes.remove().await?;
    let measured = Measured {
        runs,
        all,
        bare,
        taken,
    };
    report::print(&[report(&arguments, measured)], arguments.output)
}

/// One run of the load; a lag in ms for every write.
async fn one_run(
    term: &TermHandle,
    follower: &mut Follower,
    rate: u32,
    span: Duration,
) -> Result<Vec<f64>, Failure> {
    let before = term.committed_position().seq;
    reach(follower, before).await?;
    let mut progress = follower.progress.clone();
    let mut observers = JoinSet::new();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    observers.spawn(async move {
        let mut applied = Applied::default();
        loop {
            // Both arms are cancel safe. A change may come between the two looks: the last one is noted in any case.
            let over = tokio::select! {
                changed = progress.changed() => changed.is_err(),
                _ = &mut stopped => true,
            };
            applied.note(progress.borrow_and_update().position.seq, Instant::now());
            if over {
                return applied;
            }
        }
    });
    let answers = produce(term, rate, span).await?;
    let last = term.committed_position().seq;
    // What was counted is what was logged, or the Seqs below would be wrong.
    if last.since(before) != answers.len() as u64 {
        return Err("the log holds entries that nobody wrote".into());
    }
    reach(follower, last).await?;
    drop(stop);
    let applied = observers.join_next().await.ok_or("no observer")??;
    let lag = |(seq, answered): &(Seq, Instant)| {
        let lag = applied.lag(*seq, *answered)?;
        Some(lag.as_secs_f64() * 1e3)
    };
    let lags: Option<Vec<_>> = answers.iter().map(lag).collect();
    Ok(lags.ok_or("the standby applied an entry unseen")?)
}

/// Waits until the standby has applied `seq`.
async fn reach(follower: &mut Follower, seq: Seq) -> Result<(), Failure> {
    let mut progress = follower.progress.clone();
    let reached = timeout(PATIENCE, progress.wait_for(|at| at.position.seq >= seq));
    // Both arms are cancel safe, and neither is awaited again.
    tokio::select! {
        reached = reached => {
            reached.map_err(|_elapsed| format!("the standby is {PATIENCE:?} behind"))??;
            Ok(())
        }
        failure = follower.failed() => Err(failure),
    }
}

/// Writes at `rate` for `span`; when each write was answered.
async fn produce(
    term: &TermHandle,
    rate: u32,
    span: Duration,
) -> Result<Vec<(Seq, Instant)>, Failure> {
    let period = Duration::from_secs(1) * PRODUCERS / rate;
    let begun = Instant::now();
    let mut producers = JoinSet::new();
    for producer in 0..PRODUCERS {
        let (term, clock) = (term.clone(), Clock::system());
        let mut ticks = interval_at(begun + period * producer / PRODUCERS, period);
        producers.spawn(async move {
            let mut answers = Vec::new();
            loop {
                if ticks.tick().await.duration_since(begun) >= span {
                    return Ok::<_, Failure>(answers);
                }
                let count = write_once(&term, &clock, u64::from(producer)).await?;
                // The first entry of the log is the start of the term.
                answers.push((Seq(count + 1), Instant::now()));
            }
        });
    }
    let mut all = Vec::new();
    while let Some(answers) = producers.join_next().await {
        all.extend(answers??);
    }
    Ok(all)
}

struct Measured {
    /// Median lag of each run, in ms.
    runs: Vec<f64>,
    /// Every lag.
    all: Vec<f64>,
    /// Median of each run of the bare loop.
    bare: Vec<f64>,
    taken: Duration,
}

fn report(arguments: &LagArguments, measured: Measured) -> BenchReport {
    let value = median(&measured.runs);
    let latency = Latency::of(&measured.all);
    let yardstick = median(&measured.bare);
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = measured.all.len() as f64 / measured.taken.as_secs_f64();
    BenchReport {
        bench: "lag",
        backend: arguments.log.backend.name(),
        params: json!({
            "rate": arguments.rate,
            "rate_reached": rate.round(),
            "producers": PRODUCERS,
            "entry_bytes": 200,
            "runs": arguments.runs,
        }),
        runs: measured.runs,
        value,
        latency: Some(latency),
        loss: None,
        unit: "ms",
        higher_is_better: false,
        yardstick: Some(yardstick),
        ratio: Some(value / yardstick),
        reference: json!(null),
        target: "p50 < 2 ms, p99 < 5 ms, at the rate asked".to_owned(),
        holds: holds(latency, rate, arguments.rate),
    }
}

/// A primary that falls behind the rate is measured at something easier.
fn holds(latency: Latency, reached: f64, asked: u32) -> bool {
    latency.p50 < 2.0 && latency.p99 < 5.0 && reached >= 0.9 * f64::from(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_tail_or_a_lower_rate_is_a_miss() {
        let latency = |p50, p99| Latency {
            p50,
            p99,
            max: 50.0,
        };
        assert!(holds(latency(1.0, 4.9), 9_900.0, 10_000));
        assert!(!holds(latency(2.0, 4.9), 9_900.0, 10_000));
        assert!(!holds(latency(1.0, 5.0), 9_900.0, 10_000));
        assert!(!holds(latency(1.0, 4.9), 8_000.0, 10_000));
    }
}
