//! One file of the log: its name, header, frames and marks, and how they are read.

mod codec;
mod cursor;
mod header;
mod mark;
mod name;
mod scan;
mod window;

pub(super) use codec::BlockWriter;
pub(super) use cursor::{Cursor, Step};
pub(super) use header::SegmentHeader;
pub(super) use mark::Mark;
pub(super) use name::SegmentName;
pub(super) use scan::{Scan, Segment};

/// Frames and marks begin at multiples of this.
pub(super) const ALIGN: u64 = 8;
/// The zero bytes there are at least behind the last frame or mark.
pub(super) const GUARD: u64 = 64;

/// The place that `length` bytes take.
pub(super) const fn padded(length: u64) -> u64 {
    length.next_multiple_of(ALIGN)
}
