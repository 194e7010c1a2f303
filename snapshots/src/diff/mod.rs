//! What became of the rows between two snapshots.

mod compare;
mod rows;
mod sections;

pub use compare::{Change, Difference, diff};
