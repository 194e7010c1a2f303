//! A disk whose power can be cut: a file system of the test, which knows what was synced and what was only written.
//!
//! The rules are the harshest reading of POSIX:
//!
//! * A sync of a file makes its data and its length durable, and not its name.
//! * A sync of a directory makes the changes of its names durable: created, linked, renamed, removed. A rename is one change,
//!   also between two directories.
//! * Everything else may be lost, or stay, in any combination ([`Loss`]).
//! * What a failed sync of a file did not write counts as clean from then on: the next sync says "fine" and writes nothing
//!   of it. Names are written by the next sync of their directory: a journal commits in order, or not at all.
//!
//! After a cut nothing that was open works any more, as after a reboot; the same directory shows what survived.

mod content;
mod door;
mod faults;
mod fuse;
mod gate;
mod image;
mod inode;
mod janitor;
mod loss;
mod names;
mod power_disk;

pub(crate) use door::Door;
pub(crate) use loss::Loss;
pub(crate) use power_disk::PowerDisk;

mod tests;
