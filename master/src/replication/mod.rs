//! The log of a term, sent to standbys that keep logs of their own.
//!
//! ```text
//!   log thread ──▶ StreamWriter ──▶ the node's own log
//!                    │    ▲               ▲ read: who is behind
//!                    ▼    │ all hold it   │
//!                    Outlet ──▶ feed ─────┴──▶ one stream for each standby
//!                    newest batches    ◀── synced up to here
//!                       ▲
//!                    Keeper ──▶ the term record: whose logs count
//! ```
//!
//! The log is the buffer: the outlet keeps the newest batches alone, and a standby that is slower than that reads from the log,
//! at its own pace. So nobody's slowness takes memory here, or holds up another, but for a member of the in-sync set, which is
//! waited for until it is none any more.

mod answers;
mod feed;
mod followers;
mod in_sync;
mod keeper;
mod newest;
mod outlet;
mod patience;
#[cfg(test)]
mod search;
mod writer;

pub use answers::Answers;
pub use followers::Follower;
pub use in_sync::{InSyncRule, Seat};
pub use keeper::Elected;
pub use outlet::{Outlet, ReplicationStatus};
pub use writer::StreamWriter;
