use std::sync::Arc;

use standfast_core::Bucket;

use crate::key::Target;
use crate::names::{SegmentId, SegmentNumber};
use crate::request::{Located, SegmentInfo, Traits};
use crate::v1;

/// A page of the objects whose keys begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListObjects {
    /// What the keys begin with: a tenant, and perhaps an empty key.
    pub prefix: Target,
    /// Where the page begins.
    pub from: Cursor,
    /// Most objects of the page, at least 1.
    pub limit: usize,
}

/// A page of the objects, of all tenants, that have a replica in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSegmentObjects {
    /// The segment.
    pub segment: SegmentId,
    /// Where the page begins.
    pub from: Cursor,
    /// Most objects of the page, at least 1.
    pub limit: usize,
}

/// Where a page of objects begins: behind a key of a bucket.
///
/// Objects are listed bucket by bucket, and within a bucket by key, because that order needs no memory: the
/// state is in buckets already, and one bucket is sorted in passing. The place of a key in it never changes, so
/// that pages neither miss nor repeat what is there throughout.
///
/// ```text
///   bucket 2, big endian · qualified key, or nothing: the bucket from its beginning
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    bucket: Bucket,
    after: Vec<u8>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self::of_bucket(Bucket::at(0))
    }
}

impl Cursor {
    pub(crate) const fn of_bucket(bucket: Bucket) -> Self {
        Self {
            bucket,
            after: Vec::new(),
        }
    }

    pub(crate) const fn after(bucket: Bucket, qualified: Vec<u8>) -> Self {
        Self {
            bucket,
            after: qualified,
        }
    }

    pub(crate) const fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// The qualified key that the page begins behind, if it does not begin with the bucket.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        (!self.after.is_empty()).then_some(self.after.as_slice())
    }

    /// The cursor on the wire.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        #[expect(clippy::cast_possible_truncation, reason = "below 1024")]
        let bucket = self.bucket.index() as u16;
        let mut bytes = bucket.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.after);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (bucket, after) = bytes.split_first_chunk()?;
        let bucket = usize::from(u16::from_be_bytes(*bucket));
        (bucket < Bucket::COUNT).then(|| Self::after(Bucket::at(bucket), after.to_vec()))
    }

    /// Where the next page begins, on the wire; nothing when there is none.
    pub(crate) fn next_to_bytes(next: Option<&Self>) -> Vec<u8> {
        next.map_or_else(Vec::new, Self::to_bytes)
    }

    /// Reads what [`Self::next_to_bytes`] wrote; `None` for anything else.
    #[expect(clippy::option_option, reason = "no next page is not a wrong one")]
    pub(crate) fn next_from_bytes(bytes: &[u8]) -> Option<Option<Self>> {
        if bytes.is_empty() {
            return Some(None);
        }
        Self::from_bytes(bytes).map(Some)
    }
}

/// Objects, and where the next page begins; `None` when this was the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// In the order of [`Cursor`]. May be fewer than asked for, or none, before the end.
    pub objects: Vec<ObjectRow>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its key, without the tenant.
    pub key: Vec<u8>,
    /// Whether its put has ended.
    pub complete: bool,
    /// Size, checksum and replicas.
    pub located: Located,
    /// Its group and pins.
    pub traits: Traits,
}

/// Segments by number, and the lowest number of the next page; `None` when this was the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentPage {
    /// As many as asked for, or all that are left.
    pub segments: Vec<SegmentRow>,
    /// Where the next page begins.
    pub next: Option<SegmentNumber>,
}

/// A mounted segment of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// What is lent.
    pub info: Arc<SegmentInfo>,
    /// What it is used for.
    pub status: v1::SegmentStatus,
    /// Bytes that are allocated or held back.
    pub used: u64,
}

/// Objects of a segment, and where the next page begins; `None` when this was the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentObjectPage {
    /// In the order of [`Cursor`]. May be fewer than asked for, or none, before the end.
    pub objects: Vec<SegmentObjectRow>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

/// An object with a replica in the segment that was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentObjectRow {
    /// Its tenant.
    pub tenant: Vec<u8>,
    /// Its key, without the tenant.
    pub key: Vec<u8>,
    /// Bytes of the replica.
    pub size: u64,
    /// Whether its put has ended.
    pub complete: bool,
    /// First byte of the replica, from the segment's base on.
    pub address: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_a_wrong_one_is_refused() {
        for cursor in [
            Cursor::default(),
            Cursor::of_bucket(Bucket::at(1023)),
            Cursor::after(Bucket::at(7), b"default\0k".to_vec()),
        ] {
            assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        }
        for wrong in [b"".as_slice(), b"\0", b"\x04\0"] {
            assert_eq!(Cursor::from_bytes(wrong), None);
        }
    }
}
