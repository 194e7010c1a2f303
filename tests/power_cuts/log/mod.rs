//! Stories of a log: whatever the power takes, what it acknowledged is there, and it opens.

#[cfg(feature = "rocksdb")]
mod aside;
mod fences;
mod logs;
mod promises;
mod room;
mod stories;
mod trims;
mod user;
