//! `standfast bench append`: durable entries a second, by one task and by many producers through a master.

mod batches;
mod producers;
mod raw;
#[cfg(feature = "etcd")]
mod raw_etcd;
#[cfg(feature = "rocksdb")]
mod raw_rocksdb;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::command::args::AppendArguments;
use crate::command::bench::report;
use crate::command::bench::{LogBackend, MeasuredLog};
use crate::command::{Failure, output};

/// Benchmarks that share the time there is.
const BENCHES: usize = batches::SIZES.len() + producers::COUNTS.len();

pub(super) async fn run(arguments: AppendArguments) -> Result<ExitCode, Failure> {
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let backend = arguments.log.backend;
    let pairs = Pairs {
        log: arguments.log,
        count: arguments.pairs,
        span: arguments.seconds.0 / u32::try_from(2 * BENCHES * arguments.pairs)?,
        progress: output::progress((BENCHES * arguments.pairs) as u64, "pairs"),
    };
    let mut reports = batches::measure(&parent, &pairs).await?;
    if backend == LogBackend::File {
        reports.extend(producers::measure(&parent, &pairs).await?);
    }
    pairs.progress.finish_and_clear();
    report::print(&reports, arguments.output)
}

/// What the raw store takes: pieces of so many bytes a second, each durable before the next.
pub(super) async fn bare(
    log: &MeasuredLog,
    dir: &Path,
    bytes: &[u8],
    span: Duration,
) -> Result<f64, Failure> {
    match log.backend {
        LogBackend::File => raw::preallocated(dir, bytes, span),
        #[cfg(feature = "rocksdb")]
        LogBackend::Rocksdb => raw_rocksdb::synced(dir, bytes, span),
        #[cfg(feature = "etcd")]
        LogBackend::Etcd => raw_etcd::fenced(&log.etcd, dir, bytes, span).await,
    }
}

/// Ours and bare, one after the other.
struct Pairs {
    log: MeasuredLog,
    count: usize,
    /// How long each half takes.
    span: Duration,
    progress: indicatif::ProgressBar,
}
