//! The log of mode `snapshot`: nothing is kept but what snapshots hold.

mod oplog;
mod tail;
mod writer;

pub use oplog::EphemeralOpLog;
