use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Fingerprint;

/// The digest of a state: the order-free 128-bit sum of the hashes of its rows.
///
/// A row's hash is XXH3-128 of its bytes, seeded by the cluster's fingerprint. Because the digest is a
/// sum it is updated in O(1) per change, and the digest of a whole is the sum of the digests of its
/// parts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// The hash of one row under the seed of `cluster`.
    pub fn of_row(cluster: Fingerprint, row: &[u8]) -> Self {
        Self(xxh3_128_with_seed(row, cluster.seed()))
    }

    /// Adds a row, or a part.
    #[must_use]
    pub const fn with(self, row: Self) -> Self {
        Self(self.0.wrapping_add(row.0))
    }

    /// Takes a row, or a part, away.
    #[must_use]
    pub const fn without(self, row: Self) -> Self {
        Self(self.0.wrapping_sub(row.0))
    }

    /// Reads 32 hex digits; `None` when `text` is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is not a digest: want 32 hex digits"))
        })
    }
}
