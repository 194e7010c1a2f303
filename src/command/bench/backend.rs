use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
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
}

impl LogBackend {
    /// Its `type`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            #[cfg(feature = "rocksdb")]
            Self::Rocksdb => "rocksdb",
        }
    }

    /// Opens a log in `dir`. Readers keep their notes below `data_dir`.
    #[cfg_attr(
        not(feature = "rocksdb"),
        expect(unused_variables, reason = "readers of files keep no notes")
    )]
    pub(super) fn open(self, dir: &Path, data_dir: &Path) -> Result<Arc<dyn OpLogStore>, Failure> {
        match self {
            Self::File => Ok(Arc::new(FileOpLog::open(dir, FileOpLog::SEGMENT_SIZE)?)),
            #[cfg(feature = "rocksdb")]
            Self::Rocksdb => {
                std::fs::create_dir_all(dir)?;
                Ok(Arc::new(RocksDbOpLog::open(dir, &data_dir.join("readers"))))
            }
        }
    }

    /// How a node that is measured is told of it, where that is not what every node of ours is told.
    pub(super) const fn table(self) -> Option<&'static str> {
        match self {
            Self::File => None,
            #[cfg(feature = "rocksdb")]
            Self::Rocksdb => Some("type = \"rocksdb\"\ndir = \"log\""),
        }
    }
}
