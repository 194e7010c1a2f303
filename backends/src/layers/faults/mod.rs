//! Stores that fail on purpose.

mod fault;
mod plan;
mod rule;
mod stall;
mod tail;
mod writer;

pub use fault::Fault;
pub use plan::Faults;
