//! The operations that enter the log.

mod codec;
mod forgetting;
#[cfg(test)]
mod golden;
mod reader;
mod remounting;
mod transfer;

use bytes::Bytes;
use standfast_core::OpType;

use crate::names::{SegmentId, SegmentNumber};
use crate::request::{Cursor, Place, Quota, SegmentInfo, Traits, TransferKind};

pub(crate) use codec::{read_places, write_places};
pub(crate) use reader::Reader;
pub use remounting::Remounting;
pub use transfer::Transfer;

/// A run of bytes in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The segment.
    pub segment: SegmentNumber,
    /// First byte, counted from the segment's base.
    pub offset: u64,
    /// Number of bytes, at least 1.
    pub length: u64,
}

/// A put as it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Bytes of each replica.
    pub size: u64,
    /// How long the memory of what it replaces is held back; 0 when nobody can be reading or writing that.
    pub hold_ms: u64,
    /// Where.
    pub places: Vec<Place>,
    /// Ranges to reserve first: in the same operation, because a decision that is cut in two by a failover would
    /// leave the answer to the first half in the session.
    pub reserve: Vec<Range>,
    /// Its group and pins.
    pub traits: Traits,
}

/// One deterministic change. The primary decides it, everyone applies it.
///
/// Who asked and which key it is about are in the entry (`session`, `key`) and not repeated here. What depends
/// on the settings of the node that decides (how long to hold memory back) is written into the operation, so
/// that nodes with other settings still agree.
///
/// ```text
///   16 Join           -
///   17 Mount          id 16 · incarnation 8 · base v · size v · reserved v · name · endpoint · protocol (v + bytes)
///   18 Unmount        id 16
///   19 Expire         client 16 · hold ms v
///   20 PutStart       object size v · hold ms v · replicas v, each: segment v, offset v
///                     · ranges reserved v, each: segment v, offset v, length v
///   21 PutEnd         - or checksum 8
///   22 PutRevoke      hold ms v
///   23 Remove         hold ms v
///   24 Reserve        ranges v, each: segment v, offset v, length v
///   25 Retire         through seq v · hold ms v
///   26 Release        -
///   27 Sweep          first bucket v · buckets v
///   28 RemoveMany     leased v · processing v · next (v + bytes) · objects v, each: hold ms v, key (v + bytes)
///   29 PutStart       as 20 · traits
///   30 Evict          keys v, each: key (v + bytes)
///   31 Upsert         as 20 · traits
///   32 UpsertInPlace  traits
///   33 ReMount        segment as in its row · last 1 (0 or 1) · hold ms v · lease ms v · objects v, each: claim
///   34 GracefulUnmount  id 16 · grace ms v · dismissed 1 (0 or 1)
///   35 TransferStart  kind 1 (0 copy, 1 move) · hold ms v · source segment v · targets v, each: segment v, offset v
///                     · ranges reserved v, each: segment v, offset v, length v
///   36 TransferEnd    kind 1 · hold ms v
///   37 TransferRevoke -
///   38 Unmount        id 16 · remember ms v
///   39 GracefulUnmount  id 16 · grace ms v · dismissed 1 (0 or 1) · remember ms v
///   40 Expire         client 16 · hold ms v · remember ms v
///   43 QuotaPolicy    tenant (v + bytes) · quota                       little endian, v = LEB128
/// ```
///
/// The number at the left is the entry's op type and stands for this very layout: a changed one gets a new
/// number, so no byte is spent on a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The client of the entry is known from here on.
    Join,
    /// A segment is lent; the client of the entry, its owner, is known from here on.
    Mount {
        /// What is lent.
        segment: SegmentInfo,
        /// So many bytes from its beginning are reserved at once.
        reserved: u64,
    },
    /// A segment is taken back.
    Unmount {
        /// Its id.
        id: SegmentId,
        /// How long its incarnation is remembered: mounted again meanwhile, its memory is held back. 0 in entries that older
        /// versions wrote (18): not at all.
        remember_ms: u64,
    },
    /// The entry's key, which is complete, is copied or moved to replicas that are allocated. Replaces what was started
    /// long ago.
    TransferStart(Transfer),
    /// The new replicas of the entry's key were written.
    TransferEnd {
        /// Copied, or moved.
        kind: TransferKind,
        /// How long the memory of the replica that a move drops is held back; 0 when nobody can be reading it.
        hold_ms: u64,
    },
    /// The copy or move of the entry's key is given up.
    TransferRevoke,
    /// A segment is taken back when its time of grace is over; at once when that is 0.
    GracefulUnmount {
        /// Its id.
        id: SegmentId,
        /// How long.
        grace_ms: u64,
        /// By an operator: its client is not to mount it again.
        dismissed: bool,
        /// As of [`Self::Unmount`], when there is no grace; 0 in entries that older versions wrote (34).
        remember_ms: u64,
    },
    /// A client gave no sign of life: its segments are gone, its unfinished puts given up, its session ended.
    Expire {
        /// Its id.
        client: crate::names::ClientId,
        /// How long the memory of its unfinished puts is held back.
        hold_ms: u64,
        /// As of [`Self::Unmount`], of its segments; 0 in entries that older versions wrote (19).
        remember_ms: u64,
    },
    /// Replicas of the entry's key are allocated. Replaces a put that was started long ago.
    PutStart(Start),
    /// The entry's key was written.
    PutEnd {
        /// Of the object's bytes, as its writer computed it.
        checksum: Option<u64>,
    },
    /// The put of the entry's key is given up.
    PutRevoke {
        /// How long its memory is held back.
        hold_ms: u64,
    },
    /// The entry's key is removed.
    Remove {
        /// How long its memory is held back; 0 when nobody can be reading or writing it.
        hold_ms: u64,
    },
    /// Ranges from which allocations will be made.
    Reserve {
        /// Free until now.
        ranges: Vec<Range>,
    },
    /// What was reserved up to a Seq and not allocated is held back: an earlier primary may have answered
    /// allocations in it that never reached the log.
    Retire {
        /// Reservations made at or before this Seq.
        through: standfast_core::Seq,
        /// How long.
        hold_ms: u64,
    },
    /// What was held back until the entry's stamp is free.
    Release,
    /// Replicas in segments that are gone are dropped from these buckets.
    Sweep {
        /// First bucket.
        first: u16,
        /// How many, counted modulo 1024.
        buckets: u16,
    },
    /// A page of objects is removed. What was skipped and where the next page begins are in it because they are
    /// in the reply, and a session remembers that.
    RemoveMany {
        /// Qualified keys, none twice, each with how long its memory is held back.
        objects: Vec<(Vec<u8>, u64)>,
        /// Skipped because readers count on them.
        leased: u64,
        /// Skipped because they are being written.
        processing: u64,
        /// Where the next page begins; `None` when this was the last one.
        next: Option<Cursor>,
    },
    /// Complete objects that nobody reads are removed to make room.
    Evict {
        /// Qualified keys, none twice.
        keys: Vec<Bytes>,
    },
    /// A segment that was forgotten is lent again, and these objects are in it; the client of the entry, its owner, is
    /// known from here on. One of several such entries, unless it is the last.
    ReMount(Remounting),
    /// The entry's key, which is complete, is written again in new replicas.
    Upsert(Start),
    /// The entry's key, which is complete, is written again where it is.
    UpsertInPlace {
        /// Its group and pins from here on.
        traits: Traits,
    },
    /// What a tenant may hold from here on; nothing that it holds is taken away.
    QuotaPolicy {
        /// Its name.
        tenant: Vec<u8>,
        /// In place of what was set before.
        quota: Quota,
    },
}

impl Op {
    /// The entry's op type.
    pub const fn op_type(&self) -> OpType {
        OpType(match self {
            Self::Join => 16,
            Self::Mount { .. } => 17,
            Self::Unmount { remember_ms: 0, .. } => 18,
            Self::Unmount { .. } => 38,
            Self::Expire { remember_ms: 0, .. } => 19,
            Self::Expire { .. } => 40,
            Self::PutStart(start) if start.traits.is_empty() => 20,
            Self::PutStart(_) => 29,
            Self::PutEnd { .. } => 21,
            Self::PutRevoke { .. } => 22,
            Self::Remove { .. } => 23,
            Self::Reserve { .. } => 24,
            Self::Retire { .. } => 25,
            Self::Release => 26,
            Self::Sweep { .. } => 27,
            Self::RemoveMany { .. } => 28,
            Self::Evict { .. } => 30,
            Self::Upsert(_) => 31,
            Self::UpsertInPlace { .. } => 32,
            Self::ReMount(_) => 33,
            Self::GracefulUnmount { remember_ms: 0, .. } => 34,
            Self::GracefulUnmount { .. } => 39,
            Self::TransferStart(_) => 35,
            Self::TransferEnd { .. } => 36,
            Self::TransferRevoke => 37,
            Self::QuotaPolicy { .. } => 43,
        })
    }
}
