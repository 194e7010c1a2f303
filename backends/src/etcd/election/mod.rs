//! Who leads, decided by a key under a lease.
//!
//! The key `leader` is there as long as its lease is; whoever creates it leads, and claims the next epoch in the same
//! transaction. The lease is kept alive by a thread of its own, with connections of its own.

mod backend;
mod claim;
mod keeper;
mod leadership;
mod records;
mod registration;
mod seat;
mod space;
mod watch;

pub use backend::EtcdElection;
