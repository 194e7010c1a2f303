//! Where bytes go: logs, snapshots and elections behind the contracts of `standfast-core`.
//!
//! A folder is a backend, and every backend has the same file names in it: `config`, `oplog`, `tail`, `election`,
//! `layout`, `error`. Nothing here is named by the crates that lead, follow or restore: they get a store from the
//! [`Registry`](standfast_core::Registry) that [`builtin`] fills.
//!
//! | `type` | log | snapshots | election | feature |
//! |---|---|---|---|---|
//! | `memory` | yes | | yes | always |
//! | `file` | yes | | yes | `file` |
//! | `bucket` | | yes | | `bucket` |
//! | `rocksdb` | yes | | | `rocksdb` |
//! | `etcd` | yes | | yes | `etcd` |
//!
//! [`layers`] go around any of them, and around a store of your own.

#[cfg(feature = "bucket")]
pub mod bucket;
#[cfg(any(feature = "file", feature = "rocksdb"))]
mod durable_dir;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "file")]
mod file;
pub mod layers;
mod lease;
#[cfg(test)]
mod log_words;
mod max_bytes;
mod memory;
#[cfg(any(feature = "file", feature = "rocksdb"))]
mod mount;
#[cfg(any(feature = "file", feature = "rocksdb", feature = "etcd"))]
mod off_thread;
#[cfg(any(feature = "rocksdb", feature = "etcd"))]
mod record;
mod registry;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod scratch;
mod settings;
#[cfg(test)]
mod suite;
#[cfg(any(feature = "file", feature = "etcd"))]
mod term_fields;

#[cfg(feature = "etcd")]
pub use etcd::{EtcdElection, EtcdOpLog};
#[cfg(feature = "file")]
pub use file::{FileElection, FileOpLog};
pub use memory::{MemoryElection, MemoryElectionSpace, MemoryLink, MemoryLogSpace, MemoryOpLog};
pub use registry::builtin;
#[cfg(feature = "rocksdb")]
pub use rocksdb::RocksDbOpLog;
