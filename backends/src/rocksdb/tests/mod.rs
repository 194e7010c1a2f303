mod damage;
mod disks;
mod following;
mod process;
mod settling;
mod strangers;

use std::fs;
use std::path::{Path, PathBuf};

use super::RocksDbOpLog;
use crate::log_words::{append, cluster};
use standfast_core::{Batch, OpLogWriter, Store};

/// A log in a directory of its own, with room beside it for readers' notes and for copies.
struct Log {
    dir: tempfile::TempDir,
}

impl Log {
    /// A fresh one.
    async fn new() -> Self {
        let log = Self::empty();
        log.handle().init(cluster()).await.unwrap();
        log
    }

    /// A directory that nothing is in.
    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("log")).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// A handle, as another process would have it.
    fn handle(&self) -> RocksDbOpLog {
        handle(self.dir.path())
    }
}

/// A handle on `log` in `parent`.
fn handle(parent: &Path) -> RocksDbOpLog {
    RocksDbOpLog::open(&parent.join("log"), &parent.join("readers"))
}

/// The files of `dir` whose names end so, the oldest first.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    found
}

/// Appends `count` batches of one entry.
async fn append_some(writer: &mut dyn OpLogWriter, count: u8) -> Vec<Batch> {
    let mut sent = Vec::new();
    for n in 0..count {
        let payload = format!("{}/{n}", writer.epoch());
        sent.push(append(writer, payload.as_bytes()).await.unwrap());
    }
    sent
}
