//! `standfast bench snapshot`: a primary that serves makes snapshots of its state.

mod answers;
mod raw;

use std::process::ExitCode;

use serde_json::{Value, json};
use standfast_master::Ack;
use standfast_wire::v1::CreateSnapshotRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use tokio::time::Instant;

use self::answers::Answers;
use super::dataset::{Dataset, Served};
use super::process::Memory;
use super::report::{self, BenchReport};
use super::stats::median;
use crate::command::args::ObjectsArguments;
use crate::command::status::connect_patiently;
use crate::command::{Failure, output};

/// Objects a second, as a part of what is possible.
const RATIO: f64 = 0.7;
/// Longest time between two answers, in milliseconds.
const GAP: f64 = 5.0;
/// How much more memory than before may be used meanwhile.
const PEAK: f64 = 1.1;

/// One snapshot.
struct Run {
    /// From the capture to the proposal, in seconds.
    took: f64,
    gap_ms: f64,
    /// The longest gap in as much time before.
    gap_before_ms: f64,
    peak: f64,
    raw: raw::Limits,
}

/// Asks a primary for `runs` snapshots while clients write: how long each takes, how long nobody is answered meanwhile,
/// and the memory it takes. The log acknowledges at once, so that no gap is one of the disk.
pub(super) async fn run(arguments: ObjectsArguments) -> Result<ExitCode, Failure> {
    let dataset = Dataset::make(&arguments.dir(), arguments.objects, 0).await?;
    let parts = dataset.parts()?;
    let node = Served::start(&dataset, Ack::Async).await?;
    let answers = Answers::start(node.endpoint()).await?;
    let progress = output::progress(arguments.runs, "snapshots");
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        runs.push(one(&node, &answers, &parts, dataset.dir()).await?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    answers.check()?;
    report::print(&reports(&dataset, &runs), arguments.output)
}

async fn one(
    node: &Served,
    answers: &Answers,
    parts: &[Vec<u8>],
    dir: &std::path::Path,
) -> Result<Run, Failure> {
    let before = Memory::of(node.pid())?;
    Memory::forget_peak(node.pid())?;
    let spent = node.seconds("standfast_snapshot_duration_seconds").await?;
    let channel = connect_patiently(node.endpoint()).await?;
    let begun = Instant::now();
    AdminServiceClient::new(channel)
        .create_snapshot(CreateSnapshotRequest {})
        .await
        .map_err(|status| status.message().to_owned())?;
    let ended = Instant::now();
    let took = node.seconds("standfast_snapshot_duration_seconds").await? - spent;
    let peak = Memory::of(node.pid())?.peak;
    let (parts, dir) = (parts.to_vec(), dir.to_owned());
    let raw = tokio::task::spawn_blocking(move || raw::limits(&parts, &dir)).await??;
    // The bare work took the processor from the primary: what comes after is quiet again.
    let quiet = Instant::now();
    tokio::time::sleep(ended - begun).await;
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let peak = peak as f64 / before.resident as f64;
    Ok(Run {
        took,
        gap_ms: answers.longest_gap(begun, ended),
        gap_before_ms: answers.longest_gap(quiet, Instant::now()),
        peak,
        raw,
    })
}

fn reports(dataset: &Dataset, runs: &[Run]) -> [BenchReport; 3] {
    let all = |of: &dyn Fn(&Run) -> f64| runs.iter().map(of).collect::<Vec<_>>();
    let params = |what: &str, more: Value| {
        let params = json!({ "what": what, "objects": dataset.objects, "ack": "async" });
        report::with(params, more)
    };
    let limited = |what, values: Vec<f64>, unit, limit: f64, more: Value| {
        let value = values.iter().copied().fold(0.0, f64::max);
        BenchReport {
            holds: value <= limit,
            ..blank(
                params(what, more),
                values,
                value,
                (unit, format!("max <= {limit} {unit}")),
            )
        }
    };
    let before = all(&|run| run.gap_before_ms)
        .into_iter()
        .fold(0.0, f64::max);
    [
        speed(dataset, runs, params("speed", json!({}))),
        limited(
            "longest gap between two answers",
            all(&|run| run.gap_ms),
            "ms",
            GAP,
            json!({ "without_snapshot_ms": before }),
        ),
        limited("peak memory", all(&|run| run.peak), "x", PEAK, json!({})),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn speed(dataset: &Dataset, runs: &[Run], params: Value) -> BenchReport {
    let objects = dataset.objects as f64;
    let of = |each: &dyn Fn(&Run) -> f64| median(&runs.iter().map(each).collect::<Vec<_>>());
    let stages = json!({
        "raw_mb_per_s": of(&|run| run.raw.bytes as f64 / 1e6 / run.took),
        "serialise_cpu_s": of(&|run| run.raw.serialise),
        "zstd_cpu_s": of(&|run| run.raw.zstd),
        "write_and_sync_s": of(&|run| run.raw.put),
    });
    let values: Vec<_> = runs.iter().map(|run| objects / run.took).collect();
    let value = median(&values);
    let ratio = of(&|run| run.raw.seconds() / run.took);
    BenchReport {
        higher_is_better: true,
        yardstick: Some(of(&|run| objects / run.raw.seconds())),
        ratio: Some(ratio),
        holds: ratio >= RATIO,
        ..blank(
            report::with(params, stages),
            values,
            value,
            ("objects/s", format!("ratio >= {RATIO}")),
        )
    }
}

fn blank(
    params: Value,
    runs: Vec<f64>,
    value: f64,
    (unit, target): (&'static str, String),
) -> BenchReport {
    BenchReport {
        bench: "snapshot",
        backend: "file",
        params,
        runs,
        value,
        latency: None,
        loss: None,
        unit,
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!(null),
        target,
        holds: false,
    }
}
