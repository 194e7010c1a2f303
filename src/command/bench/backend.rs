use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
#[cfg(feature = "etcd")]
use standfast_backends::EtcdOpLog;
use standfast_backends::FileOpLog;
#[cfg(feature = "rocksdb")]
use standfast_backends::RocksDbOpLog;
use standfast_core::OpLogStore;

use crate::command::Failure;

/// Which log is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogBackend {
    /// A log in files
    File,
    /// A log in a RocksDB
    #[cfg(feature = "rocksdb")]
    Rocksdb,
    /// A log in an etcd that is running
    #[cfg(feature = "etcd")]
    Etcd,
}

/// The log that is measured, and where it is.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeasuredLog {
    /// Which log is measured
    #[arg(long, value_enum, default_value_t = LogBackend::File)]
    pub(crate) backend: LogBackend,
    /// The members of the etcd that is measured, in keys of its own
    #[cfg(feature = "etcd")]
    #[arg(
        long,
        value_name = "URL",
        env = "STANDFAST_ETCD",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:2379"
    )]
    pub(super) etcd: Vec<String>,
}

impl LogBackend {
    /// Its `type`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            #[cfg(feature = "rocksdb")]
            Self::Rocksdb => "rocksdb",
            #[cfg(feature = "etcd")]
            Self::Etcd => "etcd",
        }
    }
}

impl MeasuredLog {
    /// A log in files.
    pub(super) fn file() -> Self {
        Self {
            backend: LogBackend::File,
            #[cfg(feature = "etcd")]
            etcd: Vec::new(),
        }
    }

    /// Opens a log in `dir`, or under keys that are named as it. Readers keep their notes below `data_dir`.
    #[cfg_attr(
        not(feature = "rocksdb"),
        expect(unused_variables, reason = "readers of files keep no notes")
    )]
    pub(super) fn open(&self, dir: &Path, data_dir: &Path) -> Result<Arc<dyn OpLogStore>, Failure> {
        match self.backend {
            LogBackend::File => Ok(Arc::new(FileOpLog::open(dir, FileOpLog::SEGMENT_SIZE)?)),
            #[cfg(feature = "rocksdb")]
            LogBackend::Rocksdb => {
                std::fs::create_dir_all(dir)?;
                Ok(Arc::new(RocksDbOpLog::open(dir, &data_dir.join("readers"))))
            }
            #[cfg(feature = "etcd")]
            LogBackend::Etcd => Ok(Arc::new(EtcdOpLog::open(&self.etcd, &root(dir)))),
        }
    }

    /// Opens the log that nodes in `dir` have.
    pub(super) fn open_of_nodes(&self, dir: &Path) -> Result<Arc<dyn OpLogStore>, Failure> {
        match self.backend {
            #[cfg(feature = "etcd")]
            LogBackend::Etcd => self.open(dir, dir),
            _ => self.open(&dir.join("log"), dir),
        }
    }

    /// Bytes of the keys and values that the log of nodes in `dir` takes, where it is one of keys and values and the
    /// server can be asked.
    #[cfg_attr(
        not(feature = "etcd"),
        expect(
            unused_variables,
            clippy::unused_async,
            reason = "only a server is asked"
        )
    )]
    pub(super) async fn kept(&self, dir: &Path) -> Result<Option<u64>, Failure> {
        #[cfg(feature = "etcd")]
        if self.backend == LogBackend::Etcd {
            let client = etcd_client::Client::connect(&self.etcd, None).await?;
            let mut kv = client.kv_client().max_decoding_message_size(usize::MAX);
            let all = etcd_client::GetOptions::new().with_prefix();
            let answer = kv.get(format!("{}/oplog", root(dir)), Some(all)).await?;
            let bytes = |kv: &etcd_client::KeyValue| (kv.key().len() + kv.value().len()) as u64;
            return Ok(Some(answer.kvs().iter().map(bytes).sum()));
        }
        Ok(None)
    }

    /// How nodes in `dir` are told of it, where that is not what every node of ours is told: the log, and the election if
    /// that is there as well.
    #[cfg_attr(
        not(feature = "etcd"),
        expect(unused_variables, reason = "only keys are named as a directory")
    )]
    pub(super) fn tables(&self, dir: &Path) -> (Option<String>, Option<String>) {
        match self.backend {
            LogBackend::File => (None, None),
            #[cfg(feature = "rocksdb")]
            LogBackend::Rocksdb => (Some("type = \"rocksdb\"\ndir = \"log\"".to_owned()), None),
            #[cfg(feature = "etcd")]
            LogBackend::Etcd => {
                let (endpoints, prefix) = (&self.etcd, root(dir));
                let table =
                    format!("type = \"etcd\"\nendpoints = {endpoints:?}\nkey_prefix = {prefix:?}");
                (Some(table.clone()), Some(table))
            }
        }
    }

    /// Removes what was opened in `dir`.
    #[cfg_attr(
        not(feature = "etcd"),
        expect(clippy::unused_async, reason = "only a server is waited for")
    )]
    pub(super) async fn remove(&self, dir: &Path) -> Result<(), Failure> {
        #[cfg(feature = "etcd")]
        if self.backend == LogBackend::Etcd {
            let mut client = etcd_client::Client::connect(&self.etcd, None).await?;
            let all = etcd_client::DeleteOptions::new().with_prefix();
            client.delete(root(dir), Some(all)).await?;
            return Ok(());
        }
        Ok(std::fs::remove_dir_all(dir)?)
    }
}

/// The keys that are named as a directory, which nobody else has.
#[cfg(feature = "etcd")]
pub(super) fn root(dir: &Path) -> String {
    format!("/standfast-bench{}", dir.display())
}
