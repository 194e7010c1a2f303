//! The logs that have to survive a power cut.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, OpLogStore, Result};

use crate::disk::Loss;
use crate::seeds::seeds;

/// Opens a log in a directory, as a process would that has just started.
pub(super) type OpenLog = fn(PathBuf) -> BoxFuture<'static, Result<Arc<dyn OpLogStore>>>;

/// A log that has to survive a power cut.
pub(super) struct Log {
    /// Of its backend.
    pub(super) name: &'static str,
    pub(super) open: OpenLog,
    /// A seed tries one place in so many.
    one_in: u64,
    /// Bytes of its disk that are nobody's until a term begins.
    pub(super) keeps_free: u64,
    /// Whether what a cut brought back of its files is removed when a term begins.
    pub(super) sweeps_when_it_leads: bool,
    /// The worst that a seed may take from it.
    pub(super) loss: fn(u64) -> Loss,
}

pub(super) const LOGS: &[Log] = &[
    Log {
        name: "file",
        open: |dir| Box::pin(async { file(dir) }),
        one_in: 1,
        keeps_free: 0,
        sweeps_when_it_leads: false,
        loss: Loss::Random,
    },
    #[cfg(feature = "rocksdb")]
    Log {
        name: "rocksdb",
        open: |dir| Box::pin(rocksdb(dir)),
        one_in: 32,
        keeps_free: 64 << 20,
        sweeps_when_it_leads: true,
        // A new MANIFEST is synced, and its name only together with that of CURRENT, which points to it.
        loss: Loss::InOrder,
    },
];

impl Log {
    /// Those of `count` places that the seeds draw.
    pub(super) fn places(&self, count: u64) -> impl Iterator<Item = u64> {
        let drawn: BTreeSet<_> = seeds().map(|seed| seed % self.one_in).collect();
        (1..=count).filter(move |place| drawn.contains(&(place % self.one_in)))
    }
}

/// With segments as small as they get.
#[expect(clippy::needless_pass_by_value, reason = "a future owns it")]
fn file(dir: PathBuf) -> Result<Arc<dyn OpLogStore>> {
    Ok(Arc::new(FileOpLog::open(&dir, ByteSize(64 << 10))?))
}

/// As `cluster init` opens it; the notes of its readers lie beside it.
#[cfg(feature = "rocksdb")]
async fn rocksdb(dir: PathBuf) -> Result<Arc<dyn OpLogStore>> {
    let context = standfast_core::OpenContext {
        cluster: standfast_core::ClusterId::new("power-cuts").unwrap(),
        prefix: String::new(),
        node: crate::words::node(),
        data_dir: dir.parent().unwrap().to_owned(),
        base_dir: dir.clone(),
        clock: standfast_core::Clock::system(),
        make: true,
    };
    let mut table = toml::Table::new();
    table.insert("dir".into(), dir.display().to_string().into());
    let registry = standfast_backends::builtin();
    let factory = registry.oplogs.get("rocksdb").unwrap();
    factory.open(&table, &context).await
}
