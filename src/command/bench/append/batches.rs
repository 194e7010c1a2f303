use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde_json::json;
use standfast_core::{
    Batch, BatchBuilder, BatchEnd, ClusterId, Entry, EntryId, Epoch, FenceToken, Fingerprint,
    NodeId, OpLogStore, OpLogWriter, OpType, Position,
};
use tokio::time::Instant;

use super::{Pairs, bare, raw};
use crate::command::Failure;
use crate::command::bench::report::BenchReport;
use crate::command::bench::stats::median;
use crate::command::bench::{LogBackend, MeasuredLog};

/// Payload of an entry: with its frame about 200 bytes.
const PAYLOAD: usize = 190;
/// Entries a batch, and the ratio to reach.
pub(super) const SIZES: [(usize, f64); 4] = [(1, 0.7), (32, 0.85), (256, 0.85), (1024, 0.85)];

/// Durable entries a second through `OpLogWriter`, one task, beside the same bytes written and synced bare: in pairs,
/// one after the other.
pub(super) async fn measure(parent: &Path, pairs: &Pairs) -> Result<Vec<BenchReport>, Failure> {
    let dir = tempfile::tempdir_in(parent)?;
    let mut reports = Vec::new();
    for (entries, target) in SIZES {
        let target = target_of(pairs.log.backend, target);
        let mut found = Vec::new();
        let mut growing = None;
        for pair in 0..pairs.count {
            let log = dir.path().join(format!("log-{entries}-{pair}"));
            let mut writer = Bench::open(&pairs.log, &log, dir.path()).await?;
            let ours = writer.rate(entries, pairs.span).await?;
            let frame = writer.batch(entries)?;
            drop(writer);
            pairs.log.remove(&log).await?;
            let raw = bare(&pairs.log, dir.path(), frame.frame(), pairs.span).await?;
            if pair == 0 && pairs.log.backend == LogBackend::File {
                let rate = raw::growing(dir.path(), frame.frame(), pairs.span)?;
                growing = Some(rate);
            }
            found.push((ours, raw));
            pairs.progress.inc(1);
        }
        reports.push(report(
            pairs.log.backend,
            (entries, target),
            &found,
            growing,
        ));
    }
    Ok(reports)
}

/// A transaction of etcd takes so long that little may be added to it.
const fn target_of(backend: LogBackend, target: f64) -> f64 {
    match backend {
        #[cfg(feature = "etcd")]
        LogBackend::Etcd => 0.9,
        _ => target,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn report(
    backend: LogBackend,
    (entries, target): (usize, f64),
    pairs: &[(f64, f64)],
    growing: Option<f64>,
) -> BenchReport {
    let per_second = |batches: f64| batches * entries as f64;
    let runs: Vec<_> = pairs.iter().map(|(ours, _)| per_second(*ours)).collect();
    let raw: Vec<_> = pairs.iter().map(|(_, raw)| per_second(*raw)).collect();
    let ratios: Vec<_> = pairs.iter().map(|(ours, raw)| ours / raw).collect();
    let (value, ratio) = (median(&runs), median(&ratios));
    BenchReport {
        bench: "append",
        backend: backend.name(),
        params: json!({
            "entries_per_batch": entries,
            "entry_bytes": 200,
            "pairs": pairs.len(),
            "raw_growing_entries_per_s": growing.map(per_second),
        }),
        runs,
        value,
        latency: None,
        loss: None,
        unit: "entries/s",
        higher_is_better: true,
        yardstick: Some(median(&raw)),
        ratio: Some(ratio),
        reference: json!(null),
        target: format!("ratio >= {target}"),
        holds: ratio >= target,
    }
}

/// A log of its own, and its writer.
struct Bench {
    writer: Box<dyn OpLogWriter>,
    tail: Position,
    _log: Arc<dyn OpLogStore>,
}

impl Bench {
    async fn open(log: &MeasuredLog, dir: &Path, data_dir: &Path) -> Result<Self, Failure> {
        let cluster = Fingerprint::draw(&ClusterId::new("bench")?, [1; 16]);
        let log = log.open(dir, data_dir)?;
        log.init(cluster).await?;
        let token = FenceToken {
            cluster,
            epoch: Epoch(1),
            holder: NodeId::new("bench")?,
            nonce: 1,
            proof: String::new(),
        };
        let writer = log.open_writer(&token).await?;
        Ok(Self {
            tail: writer.tail(),
            writer,
            _log: log,
        })
    }

    fn batch(&self, entries: usize) -> Result<Batch, Failure> {
        let mut builder = BatchBuilder::new(self.tail.seq.next());
        for _ in 0..entries {
            // Nothing that a store could compress.
            let mut noise = [0; PAYLOAD];
            rand::rng().fill(&mut noise);
            builder.push(&Entry {
                seq: builder.next_seq(),
                timestamp_ms: 1,
                op_type: OpType::FIRST_OF_SERVICE,
                id: EntryId::default(),
                key: Cow::Borrowed(b"bench\0k"),
                payload: Cow::Borrowed(&noise),
            })?;
        }
        let end = BatchEnd {
            epoch: Epoch(1),
            previous: self.tail,
            committed: self.tail.seq,
            digest: None,
        };
        Ok(builder.seal(&end)?)
    }

    /// Batches a second. Forming them is not counted: a master forms the next one on another thread while this one is
    /// synced.
    async fn rate(&mut self, entries: usize, span: Duration) -> Result<f64, Failure> {
        let mut spent = Duration::ZERO;
        let mut batches = 0_u32;
        while spent < span {
            let batch = self.batch(entries)?;
            let begun = Instant::now();
            self.tail = self.writer.append(&batch).await?;
            spent += begun.elapsed();
            batches += 1;
        }
        Ok(f64::from(batches) / spent.as_secs_f64())
    }
}
