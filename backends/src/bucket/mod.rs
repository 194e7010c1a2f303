//! Snapshots in an object store, type `bucket`: directories (`file://`), S3 and what speaks like it, Google's and Azure's.
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
mod options;
mod patience;
mod pins;
mod place;
mod reader;
#[cfg(feature = "s3")]
mod remote;
#[cfg(not(feature = "s3"))]
#[path = "no_remote.rs"]
mod remote;
mod rules;
mod snapshot;
mod space;
#[cfg(test)]
mod tests;
mod upload;

pub use config::BucketFactory;
pub use snapshot::BucketSnapshotStore;
