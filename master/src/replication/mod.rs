//! The log of a term, sent to standbys that keep logs of their own.
//!
//! ```text
//!   log thread ──▶ StreamWriter ──▶ the node's own log
//!                       │                  ▲ read: who is behind
//!                       ▼                  │
//!                    Outlet ──▶ feed ──────┴──▶ one stream for each standby
//!                  newest batch
//! ```
//!
//! The log is the buffer: the outlet keeps the newest batch alone, and a standby that is slower than that reads from the log, at
//! its own pace. So nobody's slowness takes memory here, or holds up another.

mod answers;
mod feed;
mod outlet;
mod writer;

pub use answers::Answers;
pub use outlet::{Follower, Outlet};
pub use writer::StreamWriter;
