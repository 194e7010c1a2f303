use serde_json::json;

use crate::command::args::AckArgument;
use crate::command::bench::report::BenchReport;
use crate::command::bench::stats::{Latency, median};

/// How much longer an answer may take that does not wait for the log.
const RATIO: f64 = 1.05;

/// Times of one round, in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// A put with log and standby.
    pub(super) logged: Latency,
    /// A put without.
    pub(super) no_log: Latency,
    /// A bare sync.
    pub(super) sync: Latency,
}

/// Medians over the rounds, of one percentile.
#[derive(Clone, Copy, Debug)]
struct Compared {
    logged: f64,
    no_log: f64,
    sync: f64,
    /// With log through without.
    ratio: f64,
    /// What the log adds, in syncs.
    syncs: f64,
}

impl Compared {
    fn of(rounds: &[Round], percentile: fn(&Latency) -> f64) -> Self {
        let over = |each: &dyn Fn(&Round) -> f64| {
            let all: Vec<_> = rounds.iter().map(each).collect();
            median(&all)
        };
        let (logged, no_log) = (
            |round: &Round| percentile(&round.logged),
            |round: &Round| percentile(&round.no_log),
        );
        let sync = |round: &Round| percentile(&round.sync);
        Self {
            logged: over(&logged),
            no_log: over(&no_log),
            sync: over(&sync),
            ratio: over(&|round| logged(round) / no_log(round)),
            syncs: over(&|round| (logged(round) - no_log(round)) / sync(round)),
        }
    }

    fn holds(&self, ack: AckArgument) -> bool {
        match ack {
            AckArgument::Async => self.ratio < RATIO,
            AckArgument::Durable => self.syncs <= 1.0,
        }
    }
}

pub(super) fn report(ack: AckArgument, rounds: &[Round]) -> BenchReport {
    let p50 = Compared::of(rounds, |latency| latency.p50);
    let p99 = Compared::of(rounds, |latency| latency.p99);
    let max = rounds.iter().map(|round| round.logged.max);
    let (name, target) = match ack {
        AckArgument::Async => ("async", "p50 and p99: ratio < 1.05"),
        AckArgument::Durable => ("durable", "p50 and p99: value - yardstick <= one sync"),
    };
    BenchReport {
        bench: "overhead",
        backend: "file",
        params: json!({
            "ack": name,
            "clients": 1,
            "rounds": rounds.len(),
            "yardstick": "a node whose batches end in its memory, without standby, ack async",
            "no_log_p99_ms": p99.no_log,
            "p99_ratio": p99.ratio,
            "sync_p50_ms": p50.sync,
            "sync_p99_ms": p99.sync,
            "p50_added_syncs": p50.syncs,
            "p99_added_syncs": p99.syncs,
        }),
        runs: rounds.iter().map(|round| round.logged.p50).collect(),
        value: p50.logged,
        latency: Some(Latency {
            p50: p50.logged,
            p99: p99.logged,
            max: max.fold(0.0, f64::max),
        }),
        loss: None,
        unit: "ms",
        higher_is_better: false,
        yardstick: Some(p50.no_log),
        ratio: Some(p50.ratio),
        reference: json!(null),
        target: target.to_owned(),
        holds: p50.holds(ack) && p99.holds(ack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn latency(p50: f64, p99: f64) -> Latency {
        Latency {
            p50,
            p99,
            max: 50.0,
        }
    }

    #[test]
    fn what_the_log_adds_is_a_part_with_async_and_a_sync_with_durable() {
        let holds = |ack, logged| {
            let round = Round {
                logged,
                no_log: latency(1.0, 2.0),
                sync: latency(0.5, 0.6),
            };
            report(ack, &[round]).holds
        };
        assert!(holds(AckArgument::Async, latency(1.04, 2.08)));
        assert!(!holds(AckArgument::Async, latency(1.06, 2.08)));
        assert!(!holds(AckArgument::Async, latency(1.04, 2.12)));
        assert!(holds(AckArgument::Durable, latency(1.49, 2.59)));
        assert!(!holds(AckArgument::Durable, latency(1.51, 2.59)));
        assert!(!holds(AckArgument::Durable, latency(1.49, 2.61)));
    }
}
