use std::sync::Arc;

use standfast_core::{Seq, write_varint};

use crate::names::{ClientNumber, SegmentNumber};
use crate::op::Reader;
use crate::request::SegmentInfo;
use crate::space::SegmentSpace;
use crate::v1;

/// A client the state knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) number: ClientNumber,
    /// The entry that made it known; soft.
    pub(crate) joined: Seq,
}

/// A mounted segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: SegmentNumber,
    pub(crate) info: Arc<SegmentInfo>,
    pub(crate) owner: ClientNumber,
    pub(crate) space: SegmentSpace,
    pub(crate) status: SegmentStatus,
}

/// What a segment is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SegmentStatus {
    /// For everything.
    #[default]
    Mounted,
    /// Its client is saying what lies in it: nothing is allocated, and what is free was not named yet.
    Remounting,
    /// For reads, until this stamp; then it is unmounted.
    Unmounting {
        at_ms: u64,
        /// By an operator: its client is not to mount it again.
        dismissed: bool,
    },
}

/// A segment that an operator took back from a client which lives: that goes on naming it in its pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dismissed {
    pub(crate) incarnation: u64,
    pub(crate) owner: ClientNumber,
}

impl SegmentStatus {
    /// What clients are told.
    pub(crate) const fn shown(self) -> v1::SegmentStatus {
        match self {
            Self::Mounted => v1::SegmentStatus::Mounted,
            Self::Remounting => v1::SegmentStatus::Remounting,
            Self::Unmounting { .. } => v1::SegmentStatus::Unmounting,
        }
    }

    /// Appends it as rows keep it; a mounted segment has no such row.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Mounted => out.push(0),
            Self::Remounting => out.push(1),
            Self::Unmounting { at_ms, dismissed } => {
                out.push(2);
                write_varint(out, at_ms);
                out.push(u8::from(dismissed));
            }
        }
    }

    /// Reads what [`Self::write`] wrote where there is a row.
    pub(super) fn read(input: &mut Reader<'_>) -> Option<Self> {
        match input.byte()? {
            1 => Some(Self::Remounting),
            2 => Some(Self::Unmounting {
                at_ms: input.varint()?,
                dismissed: input.bool()?,
            }),
            _ => None,
        }
    }
}
