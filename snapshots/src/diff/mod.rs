//! What became of the rows between two snapshots.

mod compare;
mod sections;

pub use compare::{Change, Difference, diff};
