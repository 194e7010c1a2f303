//! The records of the log that are JSON, each with its kind and version.

use serde::{Deserialize, Serialize};

use crate::record::Record;
use standfast_core::{Epoch, FenceToken, Fingerprint, NodeId, Skip};

/// Whose keys these are.
///
/// ```text
///   {"fingerprint": "<32 hex digits>"}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterRecord {
    pub(super) fingerprint: Fingerprint,
}

/// Who was let in last. Every write compares all of it.
///
/// ```text
///   {"epoch": 7, "holder": "node-a", "nonce": "<32 hex digits>", "writer": "<32 hex digits>"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FenceRecord {
    pub(super) epoch: Epoch,
    pub(super) holder: NodeId,
    pub(super) nonce: String,
    /// Drawn by each opening: of two writers of one token only the later writes.
    pub(super) writer: String,
}

impl FenceRecord {
    pub(super) fn of(token: &FenceToken, writer: u128) -> Self {
        Self {
            epoch: token.epoch,
            holder: token.holder.clone(),
            nonce: format!("{:032x}", token.nonce),
            writer: format!("{writer:032x}"),
        }
    }

    /// Whether it was laid with `token`.
    pub(super) fn is_of(&self, token: &FenceToken) -> bool {
        self.epoch == token.epoch && self.nonce == format!("{:032x}", token.nonce)
    }
}

/// An entry that is passed over. None is ever deleted (R7).
///
/// ```text
///   {"seq": 4711, "batch": {"epoch": 7, "seq": 4720, "chain": ".."}, "through": 4800, "epoch": 9, "node": "node-a",
///    "reason": ".."}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SkipRecord {
    pub(super) skip: Skip,
}

impl Record for ClusterRecord {
    const FORMAT: &'static str = "standfast-etcd-cluster";
}

impl Record for FenceRecord {
    const FORMAT: &'static str = "standfast-etcd-fence";
}

impl Record for SkipRecord {
    const FORMAT: &'static str = "standfast-etcd-skip";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{cluster, skip, token};
    use crate::record::is_golden;

    #[test]
    fn the_golden_records_are_read_and_written_to_the_byte() {
        let fingerprint = cluster();
        is_golden("etcd-cluster", &ClusterRecord { fingerprint });
        is_golden("etcd-fence", &FenceRecord::of(&token(7), 11));
        is_golden("etcd-skip", &SkipRecord { skip: skip(7) });
    }
}
