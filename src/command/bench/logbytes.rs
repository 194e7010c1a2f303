//! `standfast bench logbytes`: what an entry takes in the log.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use standfast::replay::{
    Load, Meter, Record, ReplayOptions, TraceGenerator, TraceRequest, read_trace, run as play,
};
use standfast_core::{Clock, ReadLimit};
use standfast_master::Ack;
use tokio::sync::watch;

use super::MeasuredLog;
use super::lone::LoneNode;
use super::report::{self, BenchReport};
use crate::command::args::LogbytesArguments;
use crate::command::demo::nodes::DemoNode;
use crate::command::{Failure, output};

/// Bytes an entry that are to be enough: frames as they are, and where they are compressed.
const TARGETS: (f64, f64) = (80.0, 60.0);
/// Clients that work through the trace together.
const CLIENTS: usize = 4;

/// Plays a trace of conversations against a node, the blocks of a request in one call, and reads its log.
pub(super) async fn run(arguments: LogbytesArguments) -> Result<ExitCode, Failure> {
    let trace = match &arguments.trace {
        Some(path) => read_trace(path, arguments.requests)?,
        None => TraceGenerator::new(1).take(arguments.requests).collect(),
    };
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let log = &arguments.log;
    let mut node = LoneNode::start(log, &parent, Ack::Durable).await?;
    let progress = output::progress(1, "trace");
    load(&node.node, trace, &node.dir().join("record")).await?;
    progress.finish_and_clear();
    node.kill().await?;
    let used = used(log, node.dir()).await?;
    node.remove(log).await?;
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

/// Reads all of it. Of files what is not filled yet does not count; of etcd the keys and values that are there.
async fn used(measured: &MeasuredLog, dir: &Path) -> Result<Used, Failure> {
    let log = measured.open_of_nodes(dir)?;
    let bounds = log.bounds().await?;
    let mut at = bounds.before_floor;
    let mut used = Used::default();
    loop {
        let batches = log.read(at, ReadLimit::default()).await?;
        let Some(last) = batches.last() else {
            break;
        };
        at = last.end();
        for batch in batches {
            used.bytes += batch.frame().len() as u64;
            used.batches += 1;
            used.entries += batch.last().since(batch.first()) + 1;
        }
    }
    if let Some(kept) = measured.kept(dir).await? {
        used.bytes = kept;
    }
    Ok(used)
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn report(arguments: &LogbytesArguments, used: Used) -> BenchReport {
    let value = used.bytes as f64 / used.entries as f64;
    let target = match arguments.log.backend {
        #[cfg(feature = "etcd")]
        super::LogBackend::Etcd => TARGETS.1,
        _ => TARGETS.0,
    };
    let trace = arguments.trace.as_ref();
    let trace = trace.map_or_else(|| "generated".to_owned(), |path| path.display().to_string());
    BenchReport {
        bench: "logbytes",
        backend: arguments.log.backend.name(),
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
        target: format!("<= {target} B/entry"),
        holds: value <= target,
    }
}
