use crate::key::Target;
use crate::names::SegmentId;

/// Copies, or moves, that are to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferStart {
    /// Which, what it does.
    pub kind: TransferKind,
    /// Objects.
    pub targets: Vec<Target>,
    /// The segment to read from; `None`: any that has a replica.
    pub from: Option<SegmentId>,
    /// The segments to write to; one for a move.
    pub to: Vec<SegmentId>,
}

/// What becomes of the replica that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    /// It stays.
    Copy,
    /// It is dropped in the end.
    Move,
}

impl TransferKind {
    /// As log and rows keep it.
    pub(crate) const fn to_byte(self) -> u8 {
        match self {
            Self::Copy => 0,
            Self::Move => 1,
        }
    }

    /// Reads what [`Self::to_byte`] gave; `None` for anything else.
    pub(crate) const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Copy),
            1 => Some(Self::Move),
            _ => None,
        }
    }
}
