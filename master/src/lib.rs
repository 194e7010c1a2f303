//! A term of leadership: intake, sequencer, log, commit, tenure.
//!
//! ```text
//!   propose/read ──▶ Queue ──▶ Sequencer ─────────▶ log thread ──▶ OpLogWriter
//!    (any task)     bounded    decides, applies,    one batch in       │
//!                              forms the next batch flight             ▼
//!   answers  ◀── replier task ◀──────────── Committed ◀────────── append is Ok
//! ```
//!
//! The sequencer works on the thread of the caller that finds it free; its own thread does what takes waiting: for room in
//! the log, for company of a batch, for upkeep.
//!
//! [`Term::start`] takes a [`standfast_core::Handover`] and owns both threads and all tasks; [`Term::ended`] waits for
//! the end and joins them. The handle ([`TermHandle`]) is the only door.

mod commit;
mod config;
mod handle;
mod heartbeat;
mod job;
mod log;
mod queue;
mod read_only;
mod replication;
mod sequencer;
mod term;
mod thread;
mod unflushed;

pub use commit::{CommittedWatch, Progress};
pub use config::{Ack, MasterConfig};
pub use handle::{HeldIntake, TermHandle};
pub use heartbeat::{ReplicationServer, Standbys};
pub use replication::{
    Answers, Elected, Follower, InSyncRule, Outlet, ReplicationStatus, Seat, StreamWriter,
};
pub use term::Term;
