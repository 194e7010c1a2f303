//! A log and an election in a directory.
//!
//! Nothing runs beside the nodes: what decides who writes are files that are created exclusively and never deleted.
//! The protocol of a new term is drawn on `settle::Claim`, the format of the log on `segment::SegmentHeader`, and which
//! of several branches is history in `history`.

mod begin;
mod briefly;
mod cluster;
mod config;
mod cut;
mod election;
mod error;
mod exclusive;
mod fence;
mod filler;
mod follower;
mod hint;
mod history;
mod layout;
mod log_dir;
mod log_id;
mod new_segment;
mod numbered;
mod oplog;
mod reserve;
mod segment;
mod settle;
mod skips;
mod tail;
mod trim;
mod usage;
mod writer;

pub(crate) use config::{FileElectionFactory, FileOpLogFactory};
pub use election::FileElection;
pub use oplog::FileOpLog;

#[cfg(test)]
mod tests;
