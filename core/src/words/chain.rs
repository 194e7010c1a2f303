use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A 128-bit running hash over batches: two logs with the same `Chain` at the same [`crate::Seq`] have
/// the same history.
///
/// The chain after a batch is the first half of BLAKE3 over the batch's bytes from its epoch on, which
/// include the chain before it. It finds accidents and forks; it is no signature.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(pub [u8; 16]);

impl Chain {
    /// The chain of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut half = [0; 16];
        for (to, from) in half.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
            *to = *from;
        }
        Self(half)
    }

    /// Reads 32 hex digits; `None` when `text` is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16)
            .ok()
            .map(|n| Self(n.to_be_bytes()))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is not a chain: want 32 hex digits"))
        })
    }
}
