use standfast_core::write_varint;

use super::codec::{read_places, read_ranges, write_places, write_ranges};
use super::{Range, Reader};
use crate::names::SegmentNumber;
use crate::request::{Place, TransferKind};

/// A copy or a move as it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Which of the two.
    pub kind: TransferKind,
    /// How long the memory of its targets is held back should it come to nothing.
    pub hold_ms: u64,
    /// The segment whose replica is read.
    pub source: SegmentNumber,
    /// The replicas that are to be written; one for a move.
    pub targets: Vec<Place>,
    /// Ranges to reserve first.
    pub reserve: Vec<Range>,
}

impl Transfer {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind.to_byte());
        write_varint(out, self.hold_ms);
        write_varint(out, u64::from(self.source.0));
        write_places(out, &self.targets);
        write_ranges(out, &self.reserve);
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            kind: TransferKind::of_byte(input.byte()?)?,
            hold_ms: input.varint()?,
            source: input.segment()?,
            targets: read_places(input)?,
            reserve: read_ranges(input)?,
        })
    }
}
