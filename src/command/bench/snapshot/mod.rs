//! `standfast bench snapshot`: a primary that serves makes snapshots of its state.

mod answers;
mod changes;
mod lender;
mod raw;

use std::ops::Range;
use std::process::ExitCode;

use serde_json::{Value, json};
use standfast_master::Ack;
use standfast_wire::v1::CreateSnapshotRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use tokio::time::Instant;

use self::answers::Answers;
use super::dataset::{Dataset, Served as Node};
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
/// Of the bytes of a complete snapshot, what one may take after a random hundredth of the objects was changed.
const LAYER: f64 = 0.05;

/// A snapshot of a process that does nothing else and one of a random hundredth, two of one that serves, and the bare work
/// beside them.
struct Run {
    alone: Snapshot,
    /// Of a random hundredth that was changed since.
    hundredth: Snapshot,
    complete: Served,
    /// Of what changed since.
    layer: Served,
    raw: raw::Limits,
}

struct Snapshot {
    /// Rows that were written for it, and stored bytes.
    rows: u64,
    bytes: u64,
    layers: usize,
    /// From the capture to the proposal, in seconds.
    took: f64,
    peak: f64,
    /// From the question to its answer.
    asked: Range<Instant>,
}

/// A snapshot while clients write.
struct Served {
    snapshot: Snapshot,
    gap_ms: f64,
    /// The longest gap in as much time after it.
    quiet_ms: f64,
}

/// Asks a primary for snapshots: how long one takes while nobody else wants the processors, which is what the yardstick
/// assumes; and while clients write, how long each takes, how long nobody is answered meanwhile, and the memory it takes.
/// The log acknowledges at once, so that no gap is one of the disk.
///
/// The first snapshot of a process is complete, the second a layer on it: each of the `runs` is two processes.
pub(super) async fn run(arguments: ObjectsArguments) -> Result<ExitCode, Failure> {
    let (dir, objects) = (arguments.dir(), arguments.objects);
    let dataset = Dataset::make(&dir, &arguments.bucket, objects, 0).await?;
    let measured = measured(&dataset, arguments.runs).await;
    dataset.remove().await?;
    report::print(&measured?, arguments.output)
}

async fn measured(dataset: &Dataset, count: u64) -> Result<Vec<BenchReport>, Failure> {
    let parts = dataset.parts().await?;
    let progress = output::progress(count, "runs");
    let mut runs = Vec::new();
    for number in 0..count {
        let mut node = Node::start(dataset, Ack::Async).await?;
        let alone = one(dataset, &mut node).await?;
        changes::a_hundredth(node.endpoint(), dataset.objects).await?;
        let hundredth = one(dataset, &mut node).await?;
        drop(node);
        let mut node = Node::start(dataset, Ack::Async).await?;
        let answers = Answers::start(node.endpoint(), number).await?;
        let complete = served(dataset, &mut node, &answers).await?;
        let layer = served(dataset, &mut node, &answers).await?;
        answers.check()?;
        drop((answers, node));
        let made = [&alone, &hundredth, &complete.snapshot, &layer.snapshot];
        if made.map(|one| one.layers) != [0, 1, 0, 1] {
            return Err(
                "the second snapshot of a process was to be a layer: the clients changed too many of so few objects \
                 meanwhile; give more --objects"
                    .into(),
            );
        }
        let parts = parts.clone();
        let bare = tokio::task::spawn_blocking(move || raw::limits(&parts)).await??;
        let (mut raw, stored) = bare;
        raw.put = dataset.bucket().bare()?.moves(stored).await?.put;
        runs.push(Run {
            alone,
            hundredth,
            complete,
            layer,
            raw,
        });
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(reports(dataset, &runs))
}

/// One snapshot, and as much time without one.
async fn served(dataset: &Dataset, node: &mut Node, answers: &Answers) -> Result<Served, Failure> {
    let snapshot = one(dataset, node).await?;
    let Range { start, end } = snapshot.asked;
    let quiet = Instant::now();
    tokio::time::sleep(end - start).await;
    Ok(Served {
        snapshot,
        gap_ms: answers.longest_gap(start, end),
        quiet_ms: answers.longest_gap(quiet, Instant::now()),
    })
}

/// One snapshot, listed and verified.
async fn one(dataset: &Dataset, node: &mut Node) -> Result<Snapshot, Failure> {
    let before = Memory::of(node.pid())?;
    Memory::forget_peak(node.pid())?;
    let spent = node.seconds("standfast_snapshot_duration_seconds").await?;
    let channel = connect_patiently(node.endpoint()).await?;
    let begun = Instant::now();
    let made = AdminServiceClient::new(channel)
        .create_snapshot(CreateSnapshotRequest {})
        .await
        .map_err(|status| status.message().to_owned())?
        .into_inner();
    let ended = Instant::now();
    let took = node.seconds("standfast_snapshot_duration_seconds").await? - spent;
    let peak = Memory::of(node.pid())?.peak;
    node.verified(made.seq).await?;
    let manifest = dataset.manifest(&made.id).await?;
    let own = manifest.parts.iter().filter(|part| manifest.is_own(part));
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let peak = peak as f64 / before.resident as f64;
    Ok(Snapshot {
        rows: own.map(|part| part.rows).sum(),
        bytes: manifest.own_bytes(),
        layers: manifest.layers.len(),
        took,
        peak,
        asked: begun..ended,
    })
}

fn reports(dataset: &Dataset, runs: &[Run]) -> Vec<BenchReport> {
    let complete: Vec<_> = runs.iter().map(|run| &run.complete).collect();
    let layers: Vec<_> = runs.iter().map(|run| &run.layer).collect();
    let mut reports = vec![speed(dataset, runs), hundredth(dataset, runs)];
    for (kind, snapshots) in [("complete", complete), ("layer", layers)] {
        let params = json!({
            "objects": dataset.objects,
            "ack": "async",
            "kind": kind,
            "rows": median_of(&snapshots, |one| count(one.snapshot.rows)),
            "stored_mb": median_of(&snapshots, |one| count(one.snapshot.bytes) / 1e6),
            "took_s": median_of(&snapshots, |one| one.snapshot.took),
        });
        let quiet = median_of(&snapshots, |one| one.quiet_ms);
        let (gap, peak) = ("longest gap between two answers", "peak memory");
        let gap = json!({ "what": gap, "without_snapshot_ms": quiet });
        let gaps = snapshots.iter().map(|one| one.gap_ms).collect();
        let peaks = snapshots.iter().map(|one| one.snapshot.peak).collect();
        reports.push(limited(
            dataset,
            report::with(gap, params.clone()),
            gaps,
            ("ms", GAP),
        ));
        let peak = report::with(json!({ "what": peak }), params);
        reports.push(limited(dataset, peak, peaks, ("x", PEAK)));
    }
    reports
}

fn median_of(snapshots: &[&Served], of: impl Fn(&Served) -> f64) -> f64 {
    let values: Vec<_> = snapshots.iter().map(|one| of(one)).collect();
    median(&values)
}

/// The median of the runs, while the most of them is what has to be within the limit.
fn limited(
    dataset: &Dataset,
    params: Value,
    runs: Vec<f64>,
    (unit, limit): (&'static str, f64),
) -> BenchReport {
    let value = median(&runs);
    let holds = runs.iter().all(|run| *run <= limit);
    BenchReport {
        holds,
        ..blank(
            dataset,
            params,
            runs,
            value,
            (unit, format!("max <= {limit} {unit}")),
        )
    }
}

/// What a snapshot of a random hundredth of the objects uploads, of the bytes of a complete one.
fn hundredth(dataset: &Dataset, runs: &[Run]) -> BenchReport {
    let shares = runs
        .iter()
        .map(|run| count(run.hundredth.bytes) / count(run.alone.bytes));
    let rows: Vec<_> = runs.iter().map(|run| count(run.hundredth.rows)).collect();
    let params = json!({
        "what": "bytes after a random 1 % was changed",
        "objects": dataset.objects,
        "ack": "async",
        "kind": "layer",
        "rows": median(&rows),
    });
    limited(dataset, params, shares.collect(), ("x", LAYER))
}

/// Of complete snapshots that had the processors for themselves; beside it how long they took that had not.
fn speed(dataset: &Dataset, runs: &[Run]) -> BenchReport {
    let objects = count(dataset.objects);
    let of = |each: &dyn Fn(&Run) -> f64| median(&runs.iter().map(each).collect::<Vec<_>>());
    let params = json!({
        "what": "speed",
        "objects": dataset.objects,
        "ack": "async",
        "kind": "complete",
        "took_s": of(&|run| run.alone.took),
        "took_while_serving_s": of(&|run| run.complete.snapshot.took),
        "raw_mb_per_s": of(&|run| count(run.raw.bytes) / 1e6 / run.alone.took),
        "serialise_cpu_s": of(&|run| run.raw.serialise),
        "zstd_cpu_s": of(&|run| run.raw.zstd),
        "put_s": of(&|run| run.raw.put),
    });
    let values: Vec<_> = runs.iter().map(|run| objects / run.alone.took).collect();
    let value = median(&values);
    let ratio = of(&|run| run.raw.seconds() / run.alone.took);
    BenchReport {
        higher_is_better: true,
        yardstick: Some(of(&|run| objects / run.raw.seconds())),
        ratio: Some(ratio),
        holds: ratio >= RATIO,
        ..blank(
            dataset,
            params,
            values,
            value,
            ("objects/s", format!("ratio >= {RATIO}")),
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean of counts")]
const fn count(of: u64) -> f64 {
    of as f64
}

fn blank(
    dataset: &Dataset,
    params: Value,
    runs: Vec<f64>,
    value: f64,
    (unit, target): (&'static str, String),
) -> BenchReport {
    BenchReport {
        bench: "snapshot",
        backend: dataset.bucket().backend(),
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
