//! `standfast bench logbytes`: what an entry takes in the log.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use standfast::replay::{
    Load, Meter, Record, ReplayOptions, TraceGenerator, TraceRequest, read_trace, run as play,
};
use standfast_backends::FileOpLog;
use standfast_core::{Clock, OpLogStore, ReadLimit};
use standfast_master::Ack;
use tokio::sync::watch;

use super::report::{self, BenchReport};
use crate::command::args::LogbytesArguments;
use crate::command::demo::nodes::{DemoNode, primary, wait_until};
use crate::command::{Failure, output};

/// Bytes an entry that are to be enough.
const TARGET: f64 = 80.0;
/// Clients that work through the trace together.
const CLIENTS: usize = 4;

/// Plays a trace of conversations against a node, the blocks of a request in one call, and reads its log.
pub(super) async fn run(arguments: LogbytesArguments) -> Result<ExitCode, Failure> {
    let trace = match &arguments.trace {
        Some(path) => read_trace(path, arguments.requests)?,
        None => TraceGenerator::new(1).take(arguments.requests).collect(),
    };
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = tempfile::tempdir_in(parent)?;
    let mut node = DemoNode::configured(dir.path(), "a", Ack::Durable, "24h", "")?;
    let initialised = node.command(&["cluster", "init"]).await?;
    if !initialised.status.success() {
        return Err(String::from_utf8_lossy(&initialised.stderr)
            .into_owned()
            .into());
    }
    node.start()?;
    let leads = |status: &_| primary(status).is_some();
    wait_until(std::slice::from_mut(&mut node), "it to lead", leads).await?;
    let progress = output::progress(1, "trace");
    load(&node, trace, &dir.path().join("record")).await?;
    progress.finish_and_clear();
    drop(node);
    let used = used(&dir.path().join("log")).await?;
    report::print(&[report(&arguments, used)], arguments.output)
}

async fn load(node: &DemoNode, trace: Vec<TraceRequest>, record: &Path) -> Result<(), Failure> {
    let clock = Clock::system();
    let mut options = ReplayOptions::new(vec![node.endpoint.clone()]);
    options.clients = CLIENTS;
    let (_stopper, stop) = watch::channel(false);
    play(Load {
        trace: trace.into(),
        options,
        record: Arc::new(Record::create(record, clock.clone())?),
        meter: Arc::new(Meter::new(clock)),
        stop,
    })
    .await?;
    Ok(())
}

/// What a log holds.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    bytes: u64,
    batches: u64,
    entries: u64,
}

/// Reads all of it. What is not filled yet does not count.
async fn used(dir: &Path) -> Result<Used, Failure> {
    let log = FileOpLog::open(dir, FileOpLog::SEGMENT_SIZE)?;
    let bounds = log.bounds().await?;
    let mut at = bounds.before_floor;
    let mut used = Used::default();
    loop {
        let batches = log.read(at, ReadLimit::default()).await?;
        let Some(last) = batches.last() else {
            return Ok(used);
        };
        at = last.end();
        for batch in batches {
            used.bytes += batch.frame().len() as u64;
            used.batches += 1;
            used.entries += batch.last().since(batch.first()) + 1;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn report(arguments: &LogbytesArguments, used: Used) -> BenchReport {
    let value = used.bytes as f64 / used.entries as f64;
    let trace = arguments.trace.as_ref();
    let trace = trace.map_or_else(|| "generated".to_owned(), |path| path.display().to_string());
    BenchReport {
        bench: "logbytes",
        backend: "file",
        params: json!({
            "trace": trace,
            "clients": CLIENTS,
            "batch": "request",
            "entries": used.entries,
            "entries_per_batch": used.entries as f64 / used.batches as f64,
        }),
        runs: vec![value],
        value,
        latency: None,
        loss: None,
        unit: "B/entry",
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!({ "mooncake_0.3.13_bytes": 228 }),
        target: format!("<= {TARGET} B/entry"),
        holds: value <= TARGET,
    }
}
