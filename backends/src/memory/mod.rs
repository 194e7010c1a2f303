//! A log and an election in this process's memory: real backends with the same fencing as all others, only that
//! nothing survives the process. For tests, examples, and trying things out.
//!
//! Several handles share one *space*, as several nodes share one etcd: in a configuration by `name`, in a program
//! by opening them on the same [`MemoryLogSpace`] or [`MemoryElectionSpace`].

mod config;
mod election;
mod election_space;
#[cfg(test)]
mod elections;
mod error;
mod leadership;
mod link;
mod log_space;
mod oplog;
mod registration;
mod tail;
mod writer;

pub(crate) use config::{MemoryElectionFactory, MemoryOpLogFactory};
pub use election::MemoryElection;
pub use election_space::MemoryElectionSpace;
pub use link::MemoryLink;
pub use log_space::MemoryLogSpace;
pub use oplog::MemoryOpLog;

#[cfg(test)]
mod tests;
