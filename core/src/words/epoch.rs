use std::fmt;

use serde::{Deserialize, Serialize};

/// The fencing number of a term of leadership: strictly growing, never handed out twice.
///
/// A store that has seen an epoch refuses every write of a lower one (R2).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Before the first term.
    pub const ZERO: Self = Self(0);

    /// The lowest epoch above this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
