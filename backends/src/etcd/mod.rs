//! A log and an election in etcd.
//!
//! What is kept under which key is drawn on `layout`, how a term of the log begins on `claim`, what a reader does when a
//! watch says nothing on `tail`, and who leads on `election`. Every call goes through `connection`, which leaves an endpoint that does not answer.

mod access;
mod claim;
mod cluster;
mod config;
mod connection;
mod election;
mod ends;
mod error;
mod found;
mod greeting;
mod head;
mod history;
mod layout;
mod members;
mod oplog;
mod page;
mod pauses;
mod place;
mod probe;
mod process;
mod records;
mod space;
mod stored;
mod tail;
mod transaction;
mod trim;
mod watch;
mod writer;

pub(crate) use config::{EtcdElectionFactory, EtcdOpLogFactory};
pub use election::EtcdElection;
pub use oplog::EtcdOpLog;
