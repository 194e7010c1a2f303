//! `standfast bench coldstart`: a fresh process with an empty data directory, until it serves.

mod raw;
mod spent;

use std::process::ExitCode;

use serde_json::json;
use standfast_master::Ack;

use self::spent::Spent;
use super::dataset::{Dataset, Served};
use super::report::{self, BenchReport};
use super::stats::median;
use crate::command::args::ObjectsArguments;
use crate::command::{Failure, output};

/// Entries of the log after the snapshot; a tenth of the objects where these are few.
const ENTRIES: u64 = 100_000;
/// How much of what the processor could do at best.
const RATIO: f64 = 0.7;

/// Starts a node, `runs` times: from the start of the process to its first answer about objects of the snapshot and of
/// the log. Each time beside the bare work on the same snapshot.
pub(super) async fn run(arguments: ObjectsArguments) -> Result<ExitCode, Failure> {
    let entries = ENTRIES.min(arguments.objects / 10);
    let (dir, objects) = (arguments.dir(), arguments.objects);
    let dataset = Dataset::make(&dir, &arguments.bucket, objects, entries).await?;
    let measured = measured(&dataset, arguments.runs).await;
    dataset.remove().await?;
    report::print(&[measured?], arguments.output)
}

async fn measured(dataset: &Dataset, runs: u64) -> Result<BenchReport, Failure> {
    let progress = output::progress(runs, "starts");
    let mut pairs = Vec::new();
    for _ in 0..runs {
        let node = Served::start(dataset, Ack::Durable).await?;
        let spent = Spent::by(&node).await?;
        drop(node);
        let parts = dataset.parts().await?;
        let download = match dataset.bucket().backend() {
            // What is read from files is in memory.
            "file" => 0.0,
            _ => dataset.bucket().bare()?.moves(parts.clone()).await?.get,
        };
        let stages = tokio::task::spawn_blocking(move || raw::stages(&parts, download)).await??;
        pairs.push((spent, stages));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(report(dataset, &pairs))
}

/// Seconds that are to be enough, for the numbers of objects that have a limit.
fn limit(dataset: &Dataset) -> Option<f64> {
    match (dataset.bucket().backend(), dataset.objects) {
        ("file", 1_000_000) => Some(1.0),
        ("file", 10_000_000) => Some(6.0),
        ("s3", 10_000_000) => Some(10.0),
        _ => None,
    }
}

fn report(dataset: &Dataset, pairs: &[(Spent, raw::Stages)]) -> BenchReport {
    let runs: Vec<_> = pairs.iter().map(|(spent, _)| spent.all).collect();
    let spent = |stage: fn(&Spent) -> f64| {
        let all: Vec<_> = pairs.iter().map(|(spent, _)| stage(spent)).collect();
        median(&all)
    };
    let of = |stage: fn(&raw::Stages) -> f64| {
        let all: Vec<_> = pairs.iter().map(|(_, stages)| stage(stages)).collect();
        median(&all)
    };
    let ratios: Vec<_> = pairs
        .iter()
        .map(|(spent, stages)| stages.seconds() / spent.all)
        .collect();
    let restores = pairs
        .iter()
        .map(|(spent, stages)| stages.seconds() / spent.restore);
    let restores: Vec<_> = restores.collect();
    let (value, ratio) = (median(&runs), median(&ratios));
    let limit = limit(dataset);
    let within = limit.map_or_else(String::new, |limit| format!("< {limit} s, "));
    BenchReport {
        bench: "coldstart",
        backend: dataset.bucket().backend(),
        params: json!({
            "objects": dataset.objects,
            "log_entries": dataset.entries,
            "restore_s": spent(|spent| spent.restore),
            "restore_ratio": median(&restores),
            "replay_s": spent(|spent| spent.replay),
            "promotion_s": spent(|spent| spent.promotion),
            "rest_s": spent(Spent::rest),
            "zstd_cpu_s": of(|stages| stages.zstd),
            "decode_cpu_s": of(|stages| stages.decode),
            "insert_cpu_s": of(|stages| stages.insert),
            "download_s": of(|stages| stages.download),
        }),
        runs,
        value,
        latency: None,
        loss: None,
        unit: "s",
        higher_is_better: false,
        yardstick: Some(of(raw::Stages::seconds)),
        ratio: Some(ratio),
        reference: json!(null),
        target: format!("{within}yardstick / value >= {RATIO}"),
        holds: ratio >= RATIO && limit.is_none_or(|limit| value < limit),
    }
}
