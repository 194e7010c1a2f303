use std::fmt;

use serde::{Serialize, Serializer};

/// The key of a block: 32 lower-case hex digits.
///
/// ```text
///   first pass    first 32 hex digits of BLAKE3("<block id>")            printf 46 | b3sum | cut -c1-32
///   pass n > 0    first 32 hex digits of BLAKE3("<block id>#<n>")
/// ```
///
/// A later pass over a trace asks for blocks of its own: with the same ones it would find everything, and the load would
/// be another than the trace's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKey([u8; 16]);

impl BlockKey {
    /// Hex digits of a key.
    pub const DIGITS: usize = 32;

    /// The key of a block of a trace, in a pass over it counted from 0.
    pub fn of(block: u64, pass: u64) -> Self {
        let text = if pass == 0 {
            block.to_string()
        } else {
            format!("{block}#{pass}")
        };
        let mut key = [0; 16];
        blake3::Hasher::new()
            .update(text.as_bytes())
            .finalize_xof()
            .fill(&mut key);
        Self(key)
    }

    /// Reads what `Display` wrote.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut key = [0; 16];
        hex::decode_to_slice(digits, &mut key).ok()?;
        Some(Self(key))
    }
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BlockKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_b3sum_prints_and_each_pass_has_its_own() {
        let whole = blake3::hash(b"46").to_hex().to_string();
        let key = BlockKey::of(46, 0);
        assert_eq!(
            key.to_string(),
            whole.chars().take(BlockKey::DIGITS).collect::<String>()
        );
        assert_ne!(key, BlockKey::of(46, 1));
        assert_ne!(BlockKey::of(46, 1), BlockKey::of(46, 2));
    }

    #[test]
    fn a_key_is_read_back_and_anything_else_is_refused() {
        let key = BlockKey::of(1, 0);
        assert_eq!(BlockKey::parse(&key.to_string()), Some(key));
        assert_eq!(BlockKey::parse("12"), None);
        assert_eq!(BlockKey::parse(&"x".repeat(32)), None);
    }
}
