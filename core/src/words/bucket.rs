use serde::{Deserialize, Serialize};

/// The hash that spreads keys over buckets: the first 8 bytes, little endian, of BLAKE3 over the qualified
/// key (`tenant 0x00 key`).
pub fn prefix_hash(qualified_key: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(blake3::hash(qualified_key).as_bytes()) {
        *to = *from;
    }
    u64::from_le_bytes(first)
}

/// One of 1024 verification buckets: the top ten bits of [`prefix_hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(u16);

impl Bucket {
    /// How many there are.
    pub const COUNT: usize = 1024;

    /// The bucket of a key (`tenant 0x00 key`).
    pub fn of_key(qualified_key: &[u8]) -> Self {
        Self::of_hash(prefix_hash(qualified_key))
    }

    /// The bucket of a [`prefix_hash`].
    pub const fn of_hash(hash: u64) -> Self {
        Self((hash >> 54) as u16)
    }

    /// The `index`-th bucket, counted modulo [`Self::COUNT`].
    pub const fn at(index: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "below 1024")]
        Self((index % Self::COUNT) as u16)
    }

    /// Its index, below [`Self::COUNT`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self::at)
    }
}

/// A portion of a state that is captured, encoded and compared as one piece.
///
/// ```text
///      0 .. 1023   the service's rows, by bucket
///   1024           the service's rows that belong to no key (segments, clients): "globals"
///   2048 .. 3071   the sessions, by bucket of the session id
/// ```
///
/// Sections are read and restored in this order, globals first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Section(u16);

impl Section {
    /// The rows that belong to no key.
    pub const GLOBALS: Self = Self(1024);
    const SESSIONS: u16 = 2048;

    /// The section of a bucket of the service's rows.
    pub const fn of_bucket(bucket: Bucket) -> Self {
        Self(bucket.0)
    }

    /// The section of a bucket of sessions.
    pub const fn of_sessions(bucket: Bucket) -> Self {
        Self(Self::SESSIONS + bucket.0)
    }

    /// The section with this number, if there is one.
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            0..=1024 | 2048..=3071 => Some(Self(number)),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The bucket of service rows, if this is one.
    pub const fn bucket(self) -> Option<Bucket> {
        if self.0 < 1024 {
            Some(Bucket(self.0))
        } else {
            None
        }
    }

    /// The bucket of sessions, if this is one.
    pub const fn sessions(self) -> Option<Bucket> {
        if self.0 >= Self::SESSIONS {
            Some(Bucket(self.0 - Self::SESSIONS))
        } else {
            None
        }
    }

    /// All of them in the order of capture and restore: globals, buckets, sessions.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::GLOBALS)
            .chain(Bucket::all().map(Self::of_bucket))
            .chain(Bucket::all().map(Self::of_sessions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_of_a_key_is_the_top_ten_bits_of_its_prefix_hash() {
        let hash = prefix_hash(b"default\0a");
        assert_eq!(Bucket::of_key(b"default\0a").index() as u64, hash >> 54);
    }

    #[test]
    fn every_section_number_is_read_back_and_no_other() {
        let all: Vec<_> = Section::all().collect();
        assert_eq!(all.len(), 2 * Bucket::COUNT + 1);
        for section in all {
            assert_eq!(Section::from_number(section.number()), Some(section));
        }
        assert_eq!(Section::from_number(1025), None);
        assert_eq!(Section::from_number(3072), None);
    }
}
