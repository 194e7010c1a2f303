//! A log in a RocksDB that the nodes of one host share.
//!
//! Who holds the database's lock writes; everybody else follows through a secondary instance. What is kept under which
//! key is drawn on `layout`, how a term begins on `claim`, and what a reader may see on `view`.

mod begin;
mod claim;
mod config;
mod database;
mod error;
mod follower;
mod holder;
mod layout;
mod oplog;
mod options;
mod records;
mod secondary;
mod space;
mod statistics;
mod tail;
mod trim;
mod usage;
mod view;
mod wal;
mod writer;

pub(crate) use config::RocksDbOpLogFactory;
pub use oplog::RocksDbOpLog;

#[cfg(test)]
mod tests;
