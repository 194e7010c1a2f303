use std::path::Path;
use std::time::Duration;

use serde_json::json;
use standfast_master::Ack;

use super::sync;
use crate::command::Failure;
use crate::command::bench::cluster::BenchCluster;
use crate::command::bench::put::ENTRIES;
use crate::command::bench::put::echo::Echo;
use crate::command::bench::put::load::Clients;
use crate::command::bench::report::BenchReport;
use crate::command::bench::stats::{Latency, median};

/// How much longer than its parts an answer may take that waits for a standby's log as well.
const RATIO: f64 = 1.3;

/// Two nodes with logs of their own, one in sync with the other, beside two with one log, a bare echo and bare syncs.
pub(super) struct Replicated {
    cluster: BenchCluster,
    durable: BenchCluster,
    ours: Clients,
    one_log: Clients,
    echo: Echo,
}

/// Medians of one round, in ms; of ours all.
pub(super) struct Round {
    ours: Latency,
    durable: f64,
    echo: f64,
    sync: f64,
}

impl Round {
    fn parts(&self) -> f64 {
        self.durable + self.echo + self.sync
    }
}

impl Replicated {
    pub(super) async fn start(parent: &Path) -> Result<Self, Failure> {
        let mut cluster = BenchCluster::replicated(parent).await?;
        let mut durable = BenchCluster::quiet(parent, Ack::Durable).await?;
        let endpoint = cluster.roles().await?.0.endpoint.clone();
        let one_log = durable.roles().await?.0.endpoint.clone();
        Ok(Self {
            ours: Clients::connect(&endpoint, 1, 1).await?,
            one_log: Clients::connect(&one_log, 1, 1).await?,
            echo: Echo::start().await?,
            cluster,
            durable,
        })
    }

    pub(super) async fn round(&mut self, span: Duration) -> Result<Round, Failure> {
        let ours = Latency::of(&self.ours.latencies(span).await?);
        self.cluster.complete().await?;
        let durable = Latency::of(&self.one_log.latencies(span).await?);
        self.durable.complete().await?;
        let echo = Latency::of(&self.echo.latencies(1, span).await?);
        let dir = self.cluster.dir();
        let sync = Latency::of(&sync::times(dir, &[7; ENTRIES], span)?);
        Ok(Round {
            ours,
            durable: durable.p50,
            echo: echo.p50,
            sync: sync.p50,
        })
    }
}

pub(super) fn report(rounds: &[Round]) -> BenchReport {
    let over = |each: &dyn Fn(&Round) -> f64| {
        let all: Vec<_> = rounds.iter().map(each).collect();
        median(&all)
    };
    let max = rounds.iter().map(|round| round.ours.max);
    let value = over(&|round| round.ours.p50);
    let ratio = over(&|round| round.ours.p50 / round.parts());
    BenchReport {
        bench: "overhead",
        backend: "file",
        params: json!({
            "ack": "replicated",
            "min_acks": 1,
            "clients": 1,
            "rounds": rounds.len(),
            "yardstick": "p50 of two nodes with one log, ack durable, of a bare echo of the same messages, and of a bare sync",
            "durable_p50_ms": over(&|round| round.durable),
            "echo_p50_ms": over(&|round| round.echo),
            "sync_p50_ms": over(&|round| round.sync),
        }),
        runs: rounds.iter().map(|round| round.ours.p50).collect(),
        value,
        latency: Some(Latency {
            p50: value,
            p99: over(&|round| round.ours.p99),
            max: max.fold(0.0, f64::max),
        }),
        loss: None,
        unit: "ms",
        higher_is_better: false,
        yardstick: Some(over(&Round::parts)),
        ratio: Some(ratio),
        reference: json!(null),
        target: format!("p50: ratio <= {RATIO}"),
        holds: ratio <= RATIO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_may_take_a_third_longer_than_its_parts() {
        let round = |p50| Round {
            ours: Latency {
                p50,
                p99: 9.0,
                max: 10.0,
            },
            durable: 1.0,
            echo: 0.5,
            sync: 0.5,
        };
        assert!(report(&[round(2.59)]).holds);
        assert!(!report(&[round(2.61)]).holds);
    }
}
