//! The types that every build knows.

use standfast_core::Registry;

#[cfg(feature = "etcd")]
use crate::etcd::{EtcdElectionFactory, EtcdOpLogFactory};
#[cfg(feature = "file")]
use crate::file::{FileElectionFactory, FileOpLogFactory};
use crate::memory::{MemoryElectionFactory, MemoryOpLogFactory};

/// The implementations of this crate, by the name that `type = ".."` gives them. Add your own with
/// [`standfast_core::Factories::register`].
pub fn builtin() -> Registry {
    let mut registry = Registry::empty();
    registry.oplogs.register("memory", MemoryOpLogFactory);
    registry.elections.register("memory", MemoryElectionFactory);
    #[cfg(feature = "bucket")]
    registry
        .snapshots
        .register("bucket", crate::bucket::BucketFactory);
    #[cfg(feature = "file")]
    {
        registry.oplogs.register("file", FileOpLogFactory);
        registry.elections.register("file", FileElectionFactory);
    }
    #[cfg(feature = "rocksdb")]
    registry
        .oplogs
        .register("rocksdb", crate::rocksdb::RocksDbOpLogFactory);
    #[cfg(feature = "etcd")]
    {
        registry.oplogs.register("etcd", EtcdOpLogFactory);
        registry.elections.register("etcd", EtcdElectionFactory);
    }
    registry
}
