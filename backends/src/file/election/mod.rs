//! Who leads, decided by files that are created exclusively.
//!
//! The holder of the largest `fences/{epoch}` leads. It keeps a lock on that file, which the kernel frees when the
//! process dies, and moves a counter in `heartbeat-{epoch}` from a thread of its own. Others take over at once when
//! the lock is free or `resigned-{epoch}` is there, and else when the counter has not moved for the ttl on their own
//! clock. No clock of one process is compared with another's.

mod backend;
mod claim;
mod dir;
mod grant;
mod leadership;
mod registration;
mod seat;
mod terms;

pub use backend::FileElection;
pub(in crate::file) use dir::FOLDERS;
