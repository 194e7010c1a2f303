//! `standfast bench memory`: what an object costs in the process that serves it.

use std::process::ExitCode;

use serde_json::json;
use standfast_master::Ack;

use super::dataset::{Dataset, Served};
use super::process::Memory;
use super::report::{self, BenchReport};
use super::stats::median;
use crate::command::args::ObjectsArguments;
use crate::command::{Failure, output};

/// Bytes an object that are to be enough.
const TARGET: f64 = 200.0;
/// How much more than in the end may be used on the way there.
const PEAK: f64 = 1.1;

/// Starts a node, `runs` times, on a snapshot of so many objects: its resident memory when it serves, and the most of it
/// until then.
pub(super) async fn run(arguments: ObjectsArguments) -> Result<ExitCode, Failure> {
    let (dir, objects) = (arguments.dir(), arguments.objects);
    let dataset = Dataset::make(&dir, &arguments.bucket, objects, 0).await?;
    let measured = measured(&dataset, arguments.runs).await;
    dataset.remove().await?;
    report::print(&measured?, arguments.output)
}

async fn measured(dataset: &Dataset, runs: u64) -> Result<[BenchReport; 2], Failure> {
    let progress = output::progress(runs, "starts");
    let mut seen = Vec::new();
    for _ in 0..runs {
        let node = Served::start(dataset, Ack::Durable).await?;
        seen.push(Memory::of(node.pid())?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(reports(dataset, &seen))
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn reports(dataset: &Dataset, seen: &[Memory]) -> [BenchReport; 2] {
    let each = |memory: &Memory| memory.resident as f64 / dataset.objects as f64;
    let peak = |memory: &Memory| memory.peak as f64 / memory.resident as f64;
    let params = json!({
        "objects": dataset.objects,
        "key": "32 hex digits",
        "replicas": 1,
        "loaded": "from a snapshot",
    });
    let report = |what, runs: Vec<f64>, target, unit, reference| {
        let value = median(&runs);
        BenchReport {
            bench: "memory",
            backend: dataset.bucket().backend(),
            params: report::with(params.clone(), json!({ "what": what })),
            runs,
            value,
            latency: None,
            loss: None,
            unit,
            higher_is_better: false,
            yardstick: None,
            ratio: None,
            reference,
            target: format!("<= {target} {unit}"),
            holds: value <= target,
        }
    };
    [
        report(
            "resident memory of the serving process",
            seen.iter().map(each).collect(),
            TARGET,
            "B/object",
            json!({ "mooncake_0.3.13_bytes": 820 }),
        ),
        report(
            "peak while loading",
            seen.iter().map(peak).collect(),
            PEAK,
            "x",
            json!(null),
        ),
    ]
}
