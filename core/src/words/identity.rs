use std::fmt;

use serde::{Deserialize, Serialize};

use super::Chain;
use crate::error::{Error, ErrorKind, Result};

/// The longest cluster or node name, in bytes.
const NAME_LIMIT: usize = 64;

/// The name of a cluster: letters, digits, `-`, `_` and `.`, 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterId(String);

/// The name of a node, unique in its cluster: letters, digits, `-`, `_` and `.`, 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

fn checked(what: &str, name: String) -> Result<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty()
        || name.len() > NAME_LIMIT
        || !name.bytes().all(allowed)
        || name.starts_with('.')
    {
        return Err(Error::new(ErrorKind::Config, "parse").context(format!(
            "`{name}` is not a {what}: want 1 to {NAME_LIMIT} letters, digits, `-`, `_` or `.`, not \
             starting with `.`"
        )));
    }
    Ok(name)
}

macro_rules! name {
    ($type:ident, $what:literal) => {
        impl $type {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// `Config` when the name is empty, too long, or has another character.
            pub fn new(name: impl Into<String>) -> Result<Self> {
                checked($what, name.into()).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;

            fn try_from(name: String) -> Result<Self> {
                Self::new(name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name!(ClusterId, "cluster id");
name!(NodeId, "node id");

/// What tells one cluster's data from another's, even when both have the same name: drawn at
/// `cluster init`, kept in every store, the start of the log's [`Chain`] and the seed of its digests.
///
/// ```text
///   0         8         16
///   | drawn   | of name |     drawn: 8 bytes of the hash of name and random bytes; of name: 8 of the name's alone
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Chain);

impl Fingerprint {
    /// The fingerprint made of a cluster's name and 16 random bytes.
    pub fn draw(cluster: &ClusterId, random: [u8; 16]) -> Self {
        let mut bytes = cluster.as_str().as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(&random);
        let mut fingerprint = Chain::of(&bytes).0;
        fingerprint[8..].copy_from_slice(&of_name(cluster));
        Self(Chain(fingerprint))
    }

    /// Whether it was drawn for a cluster of this name.
    pub fn is_of(&self, cluster: &ClusterId) -> bool {
        self.0.0.ends_with(&of_name(cluster))
    }

    /// A fingerprint read back from a store.
    pub const fn from_chain(chain: Chain) -> Self {
        Self(chain)
    }

    /// The 16 bytes of it.
    pub const fn bytes(&self) -> [u8; 16] {
        self.0.0
    }

    /// The chain before the first batch: the hash of the fingerprint.
    pub fn genesis(&self) -> Chain {
        Chain::of(&self.0.0)
    }

    /// The seed of row hashes.
    pub(crate) fn seed(self) -> u64 {
        u64::from_le_bytes(*self.0.0.first_chunk::<8>().expect("16 >= 8"))
    }
}

fn of_name(cluster: &ClusterId) -> [u8; 8] {
    let hash = Chain::of(cluster.as_str().as_bytes());
    *hash.0.first_chunk().expect("16 >= 8")
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
