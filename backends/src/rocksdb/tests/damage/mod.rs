//! h14: what is damaged is told, and nothing behind it is served.

mod tables;
mod wal;

use std::fs;
use std::path::Path;

use super::{Log, append_some, files};
use crate::log_words::{lead, refusal, token};
use standfast_core::{Batch, ErrorKind, OpLogStore, OpLogWriter, Result};

/// A log of some entries, all of them in the write-ahead log, and its writer gone.
async fn in_wal() -> (Log, Vec<Batch>) {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    let sent = append_some(&mut *writer, 20).await;
    drop(writer);
    (log, sent)
}

/// The same, and the writer said that all of it is committed.
async fn marked() -> (Log, Vec<Batch>) {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    let sent = append_some(&mut *writer, 20).await;
    writer.mark_committed().await.unwrap();
    drop(writer);
    (log, sent)
}

/// The same, all of it in files.
async fn in_files() -> (Log, Vec<Batch>) {
    let (log, sent) = marked().await;
    drop(log.handle().open_writer(&token(2)).await.unwrap());
    (log, sent)
}

/// The largest file of the kind: the one that holds the entries.
fn largest(dir: &Path, extension: &str) -> std::path::PathBuf {
    let found = files(dir, extension).into_iter();
    found
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

fn flip(path: &Path, at: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= bit;
    fs::write(path, bytes).unwrap();
}

async fn reopen(log: &Log) -> Result<Box<dyn OpLogWriter>> {
    log.handle().open_writer(&token(3)).await
}

fn is_told<T>(log: &Log, result: Result<T>) {
    let error = refusal(result);
    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
    let place = log.path().display().to_string();
    assert!(
        error.to_string().contains(&place),
        "names the place: {error}"
    );
}
