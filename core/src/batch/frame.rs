use bytes::Bytes;

use super::entry_codec::Entries;
use super::epoch_start::EpochStart;
use super::header::{CHAINED_FROM, FrameHeader, HEADER_LEN};
use super::{Entry, OpType};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Chain, Digest, Epoch, Position, Seq};

/// The digest of the state at a batch end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestAt {
    /// Last entry of that batch.
    pub seq: Seq,
    /// Digest of the state after it.
    pub digest: Digest,
}

/// A run of entries that is appended, stored, read and applied as one: the unit of durability.
///
/// Holds the encoded frame (drawn on [`FrameHeader`]); cheap to clone. A `Batch` that exists has passed
/// its checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: FrameHeader,
    chain: Chain,
    frame: Bytes,
}

impl Batch {
    /// Checks and takes one whole frame.
    ///
    /// # Errors
    /// `Version` for a format that is not ours to read, `Corrupt` when the frame is damaged.
    pub fn decode(frame: Bytes) -> Result<Self> {
        let header = FrameHeader::open(&frame)?;
        let chain = Chain::of(frame.get(CHAINED_FROM..).unwrap_or_default());
        Ok(Self {
            header,
            chain,
            frame,
        })
    }

    /// The encoded frame: what a store keeps, byte for byte.
    pub const fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The fixed part.
    pub const fn header(&self) -> &FrameHeader {
        &self.header
    }

    /// Term that wrote it.
    pub const fn epoch(&self) -> Epoch {
        self.header.epoch
    }

    /// First entry.
    pub const fn first(&self) -> Seq {
        self.header.first
    }

    /// Last entry, included.
    pub fn last(&self) -> Seq {
        self.header.last()
    }

    /// Number of entries, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub const fn len(&self) -> usize {
        self.header.count as usize
    }

    /// Chain before it.
    pub const fn previous(&self) -> Chain {
        self.header.previous
    }

    /// The highest Seq its writer knew committed when it formed the batch.
    pub const fn committed(&self) -> Seq {
        self.header.committed
    }

    /// The Position at its end.
    pub fn end(&self) -> Position {
        Position {
            epoch: self.header.epoch,
            seq: self.last(),
            chain: self.chain,
        }
    }

    /// Whether it follows `position`: same chain, next Seq, no lower epoch (R4).
    pub fn follows(&self, position: Position) -> bool {
        self.header.is_next_after(position) && self.header.epoch >= position.epoch
    }

    /// The digest of the state at an earlier batch end, if the writer gave one.
    pub fn digest_at(&self) -> Option<DigestAt> {
        self.header
            .digest
            .map(|(seq, digest)| DigestAt { seq, digest })
    }

    /// The entries, in order.
    pub fn entries(&self) -> Entries<'_> {
        let body = self.frame.get(HEADER_LEN..).unwrap_or_default();
        Entries::new(
            self.header.first,
            self.header.count,
            self.header.base_ms,
            body,
        )
    }

    /// The first entry.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be decoded.
    pub fn first_entry(&self) -> Result<Entry<'_>> {
        self.entries().next().unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Corrupt, "decode entry").context("a batch without entries"))
        })
    }

    /// The start of a term, if this batch begins one.
    ///
    /// # Errors
    /// `Corrupt` or `Version` when the first entry is an EpochStart that cannot be decoded.
    pub fn epoch_start(&self) -> Result<Option<EpochStart>> {
        let entry = self.first_entry()?;
        if entry.op_type != OpType::EPOCH_START {
            return Ok(None);
        }
        EpochStart::decode(&entry.payload).map(Some)
    }
}
