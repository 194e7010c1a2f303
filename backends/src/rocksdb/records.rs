//! The records of the family `meta`: JSON, each with its kind and version.

use serde::{Deserialize, Serialize};

use crate::record::Record;
use standfast_core::{Epoch, FenceToken, Fingerprint, LogId, NodeId, Position, Skip};

/// A record that there is one of.
pub(super) trait Single: Record {
    /// Where it is.
    const KEY: &'static str;
}

/// Whose log it is.
///
/// ```text
///   {"fingerprint": "<32 hex digits>"}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterRecord {
    pub(super) fingerprint: Fingerprint,
}

/// Who was let in last. One write makes it durable together with what its writer settled.
///
/// ```text
///   {"epoch": 7, "holder": "node-a", "nonce": "<32 hex digits>", "settled": {"epoch": 6, "seq": 4711, "chain": ".."}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FenceRecord {
    pub(super) epoch: Epoch,
    pub(super) holder: NodeId,
    pub(super) nonce: String,
    /// End of the log when a writer was let in: all up to there was looked at, and is durable. Of a follower, which may cut:
    /// end of what was known committed.
    pub(super) settled: Position,
}

impl FenceRecord {
    pub(super) fn of(token: &FenceToken, settled: Position) -> Self {
        Self {
            epoch: token.epoch,
            holder: token.holder.clone(),
            nonce: format!("{:032x}", token.nonce),
            settled,
        }
    }

    /// Whether it is the fence of `token`.
    pub(super) fn is_of(&self, token: &FenceToken) -> bool {
        self.epoch == token.epoch && self.nonce == format!("{:032x}", token.nonce)
    }
}

/// What the first entry follows: written when the log is trimmed or begun anew. Genesis without it.
///
/// ```text
///   {"position": {"epoch": 7, "seq": 4711, "chain": "<32 hex digits>"}}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FloorRecord {
    pub(super) position: Position,
}

/// How far followers may read, when no batch follows. Not synced: the next writer settles.
///
/// ```text
///   {"position": {"epoch": 7, "seq": 4711, "chain": "<32 hex digits>"}}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CommittedRecord {
    pub(super) position: Position,
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

/// Which disk it is. Made when it is asked for the first time.
///
/// ```text
///   {"id": "<32 hex digits>"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogIdRecord {
    id: String,
}

impl LogIdRecord {
    pub(super) fn of(id: LogId) -> Self {
        Self {
            id: format!("{:032x}", id.0),
        }
    }

    /// `None` when it is no number.
    pub(super) fn id(&self) -> Option<LogId> {
        u128::from_str_radix(&self.id, 16).ok().map(LogId)
    }
}

impl Record for LogIdRecord {
    const FORMAT: &'static str = "standfast-rocksdb-log-id";
}

impl Single for LogIdRecord {
    const KEY: &'static str = "log-id";
}

impl Record for ClusterRecord {
    const FORMAT: &'static str = "standfast-rocksdb-cluster";
}

impl Single for ClusterRecord {
    const KEY: &'static str = "cluster";
}

impl Record for FenceRecord {
    const FORMAT: &'static str = "standfast-rocksdb-fence";
}

impl Single for FenceRecord {
    const KEY: &'static str = "fence";
}

impl Record for FloorRecord {
    const FORMAT: &'static str = "standfast-rocksdb-floor";
}

impl Single for FloorRecord {
    const KEY: &'static str = "floor";
}

impl Record for CommittedRecord {
    const FORMAT: &'static str = "standfast-rocksdb-committed";
}

impl Single for CommittedRecord {
    const KEY: &'static str = "committed";
}

impl Record for SkipRecord {
    const FORMAT: &'static str = "standfast-rocksdb-skip";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{batch, cluster, skip, token};
    use crate::record::is_golden;

    #[test]
    fn the_golden_records_are_read_and_written_to_the_byte() {
        let position = batch(Epoch(3), Position::genesis(cluster()), &[b"x"]).end();
        let fingerprint = cluster();
        is_golden("rocksdb-cluster", &ClusterRecord { fingerprint });
        is_golden("rocksdb-fence", &FenceRecord::of(&token(7), position));
        is_golden("rocksdb-floor", &FloorRecord { position });
        is_golden("rocksdb-committed", &CommittedRecord { position });
        is_golden("rocksdb-log-id", &LogIdRecord::of(LogId(0x5ea7)));
        is_golden("rocksdb-skip", &SkipRecord { skip: skip(7) });
    }
}
