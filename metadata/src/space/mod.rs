//! The bytes of a segment: which are free, reserved, allocated.

mod free;
mod reserved;
mod run;
mod search;
mod segment_space;
#[cfg(test)]
mod tests;

pub(crate) use reserved::{Change, Reservation};
pub(crate) use segment_space::SegmentSpace;
