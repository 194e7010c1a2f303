use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Chain, Epoch, Fingerprint, Seq};

/// A place in the log, and with it all of history up to there.
///
/// ```text
///   genesis        batch [1..3]      batch [4..4]     batch [5..9]
///   |              |                 |                |
///   seq 0          seq 3             seq 4            seq 9        <- Positions exist here only
///   chain = H(fp)  chain = H(batch)  ...
/// ```
///
/// A `Position` exists at batch ends only. Snapshots, trim (rounded down), digests and cuts are at batch
/// ends. "The same history" is one comparison, because the chain covers everything before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Epoch of the batch that ends here; zero at genesis.
    pub epoch: Epoch,
    /// Last entry included.
    pub seq: Seq,
    /// Running hash after that batch.
    pub chain: Chain,
}

impl Position {
    /// Before the first batch of the cluster.
    pub fn genesis(cluster: Fingerprint) -> Self {
        Self {
            epoch: Epoch::ZERO,
            seq: Seq::ZERO,
            chain: cluster.genesis(),
        }
    }

    /// Reads what `Display` writes: `epoch:seq:chain`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(3, ':');
        let epoch = Epoch(fields.next()?.parse().ok()?);
        let seq = Seq(fields.next()?.parse().ok()?);
        let chain = Chain::parse(fields.next()?)?;
        Some(Self { epoch, seq, chain })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.epoch, self.seq, self.chain)
    }
}
