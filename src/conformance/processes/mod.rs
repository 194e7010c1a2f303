//! Leaders in processes of their own, which the cases freeze and kill.
//!
//! ```text
//!   case -> AwayLog, .. -> Child --stdin: Address, Request ..-->  attend -> the store
//!                          Child <-stdout: Told ..-------------   (a process of its own)
//! ```
//!
//! Each line is one value in JSON. Requests are answered in their order; validities are told in between.

mod attend;
mod away;
mod child;
mod crew;
mod election;
mod log;
mod snapshots;
mod words;

pub use attend::attend;
pub use crew::Processes;

pub(super) use crew::Crew;
pub(super) use election::AwayElection;
pub(super) use log::AwayLog;
pub(super) use snapshots::AwaySnapshots;
pub(super) use words::{Address, Whereabouts, Which};
