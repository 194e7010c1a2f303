mod branches;
mod damage;
mod elections;
mod full_disk;
mod logs;
mod process;

use std::path::Path;

use super::FileOpLog;
use super::settle::Claim;
use super::writer::FileWriter;
use crate::log_words::{append, batch, cluster, epoch_start, token};
use standfast_core::{Batch, ByteSize, Epoch, OpLogWriter, Store};

/// A log with small segments in `dir`.
fn open(dir: &Path) -> FileOpLog {
    FileOpLog::open(dir, ByteSize(64 << 10)).unwrap()
}

/// A fresh log.
async fn fresh(dir: &Path) -> FileOpLog {
    let log = open(dir);
    log.init(cluster()).await.unwrap();
    log
}

/// The writer of `epoch` as the type it is, its term begun.
async fn lead(log: &FileOpLog, epoch: u64) -> FileWriter {
    let claim = Claim::make(log.dir(), &token(epoch)).unwrap();
    let segment = claim.settle(&claim.survey().unwrap()).unwrap();
    let mut writer = claim.serve(segment).unwrap();
    let start = epoch_start(Epoch(epoch), writer.tail());
    writer.append(&start).await.unwrap();
    writer
}

/// Appends `count` batches of one entry.
async fn append_some(writer: &mut FileWriter, count: u8) -> Vec<Batch> {
    let mut sent = Vec::new();
    for n in 0..count {
        let payload = format!("{}/{n}", writer.epoch());
        sent.push(append(writer, payload.as_bytes()).await.unwrap());
    }
    sent
}

/// The batch that `writer` would append next.
fn next_batch(writer: &FileWriter, payload: &[u8]) -> Batch {
    batch(writer.epoch(), writer.tail(), &[payload])
}
