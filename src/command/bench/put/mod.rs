//! `standfast bench put`: objects a second over gRPC, a start and an end each.

pub(super) mod echo;
pub(super) mod load;
mod own_thread;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast_master::Ack;

use self::echo::Echo;
use self::load::Clients;
use super::MeasuredLog;
use super::append::bare;
use super::lone::LoneNode;
use super::report::{self, BenchReport};
use super::stats::median;
use crate::command::args::{AckArgument, PutArguments};
use crate::command::{Failure, output};

/// Bytes of a start and an end in the log, about.
pub(super) const ENTRIES: usize = 160;

/// Clients and keys a call, and what they are to reach.
#[derive(Clone, Copy)]
struct Shape {
    clients: usize,
    batch: usize,
    /// Of the yardstick, with `ack = "durable"` and `"async"`.
    ratio: [f64; 2],
    /// Keys a second, with `ack = "durable"`.
    keys: f64,
    /// Keys a second of the incumbent.
    reference: f64,
}

const SHAPES: [Shape; 4] = [
    shape((1, 1), [0.75, 0.7], 0.0, 3.4e3),
    shape((4, 1), [1.5, 0.45], 0.0, 8.4e3),
    shape((1, 64), [0.75, 0.6], 0.0, 53e3),
    shape((4, 64), [1.5, 0.3], 110e3, 55e3),
];

const fn shape(
    (clients, batch): (usize, usize),
    ratio: [f64; 2],
    keys: f64,
    reference: f64,
) -> Shape {
    Shape {
        clients,
        batch,
        ratio,
        keys,
        reference,
    }
}

/// Puts against a node of its own process, in pairs with the yardstick: bare write and sync of the same bytes in turn,
/// or, where an answer waits for no disk, a bare echo of the same messages.
pub(super) async fn run(arguments: PutArguments) -> Result<ExitCode, Failure> {
    let PutArguments { log, pairs } = arguments;
    let parent = pairs.dir.clone().unwrap_or_else(std::env::temp_dir);
    let span = pairs.seconds.0 / u32::try_from(4 * SHAPES.len() * pairs.pairs)?;
    let progress = output::progress((2 * SHAPES.len() * pairs.pairs) as u64, "pairs");
    let mut reports = Vec::new();
    for ack in [AckArgument::Durable, AckArgument::Async] {
        let bench = Bench {
            node: LoneNode::start(&log, &parent, Ack::from(ack)).await?,
            log: &log,
            ack,
            echo: Echo::start().await?,
        };
        for shape in SHAPES {
            let clients = Clients::connect(bench.endpoint(), shape.clients, shape.batch).await?;
            let mut measured = Vec::new();
            for _ in 0..pairs.pairs {
                let ours = clients.calls(span).await?;
                measured.push((ours, bench.yardstick(shape, span).await?));
                progress.inc(1);
            }
            reports.push(BenchReport {
                backend: log.backend.name(),
                ..report(shape, ack, &measured)
            });
        }
        bench.node.remove(&log).await?;
    }
    progress.finish_and_clear();
    report::print(&reports, pairs.output)
}

/// A node alone, and what it is compared with.
struct Bench<'a> {
    node: LoneNode,
    log: &'a MeasuredLog,
    ack: AckArgument,
    echo: Echo,
}

impl Bench<'_> {
    fn endpoint(&self) -> &str {
        &self.node.node.endpoint
    }

    /// Calls a second, a start and an end each.
    async fn yardstick(&self, shape: Shape, span: Duration) -> Result<f64, Failure> {
        match self.ack {
            AckArgument::Durable => {
                let bytes = vec![7; ENTRIES * shape.batch];
                bare(self.log, self.node.dir(), &bytes, span).await
            }
            AckArgument::Async => self.echo.calls(shape.clients, shape.batch, span).await,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn report(shape: Shape, ack: AckArgument, pairs: &[(f64, f64)]) -> BenchReport {
    let keys = |calls: f64| calls * shape.batch as f64;
    let runs: Vec<_> = pairs.iter().map(|(ours, _)| keys(*ours)).collect();
    let bare: Vec<_> = pairs.iter().map(|(_, bare)| keys(*bare)).collect();
    let ratios: Vec<_> = pairs.iter().map(|(ours, bare)| ours / bare).collect();
    let (value, ratio) = (median(&runs), median(&ratios));
    let [durable, at_once] = shape.ratio;
    let (name, least, keys) = match ack {
        AckArgument::Durable => ("durable", durable, shape.keys),
        AckArgument::Async => ("async", at_once, 0.0),
    };
    let at_least = if keys > 0.0 {
        format!(", >= {keys} keys/s")
    } else {
        String::new()
    };
    BenchReport {
        bench: "put",
        backend: "file",
        params: json!({
            "ack": name,
            "clients": shape.clients,
            "batch": shape.batch,
            "pairs": pairs.len(),
        }),
        runs,
        value,
        latency: None,
        loss: None,
        unit: "keys/s",
        higher_is_better: true,
        yardstick: Some(median(&bare)),
        ratio: Some(ratio),
        reference: json!({ "mooncake_0.3.13_keys_per_s": shape.reference }),
        target: format!("ratio >= {least}{at_least}"),
        holds: ratio >= least && value >= keys,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_a_second_are_no_use_if_the_disk_could_take_more() {
        let [.., shape] = SHAPES;
        assert!(report(shape, AckArgument::Durable, &[(2000.0, 1000.0)]).holds);
        assert!(!report(shape, AckArgument::Durable, &[(2000.0, 2000.0)]).holds);
        assert!(!report(shape, AckArgument::Durable, &[(1500.0, 900.0)]).holds);
        assert!(report(shape, AckArgument::Async, &[(1500.0, 4900.0)]).holds);
    }
}
