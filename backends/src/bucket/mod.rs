//! Snapshots in an object store, type `bucket`: `file://` directories now, any store with create-if-absent in
//! principle.
//!
//! The only thing asked of the store is that of two creates of one name the second loses (probed at start), and
//! that a listing shows what was created before it began. There is no lock, no lease and no overwriting: the
//! catalog's numbered entries are the commit points. `layout.rs` draws what lies where.

mod catalog;
mod collect;
mod config;
mod documents;
mod error;
mod layout;
mod local;
mod objects;
mod pins;
mod reader;
mod rules;
mod snapshot;
mod space;
#[cfg(test)]
mod tests;
mod upload;

pub use config::BucketFactory;
pub use snapshot::BucketSnapshotStore;
