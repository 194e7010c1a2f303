use serde::{Deserialize, Serialize};

use super::SnapshotId;
use crate::words::{Digest, Epoch, Fingerprint, NodeId, Position};

/// The catalog format this version writes, and the newest it reads.
pub const CATALOG_FORMAT: u32 = 1;

/// The commit point of everything in the bucket: entry `n` can be won once, builds on `n-1`, and is never
/// deleted.
///
/// Stored as JSON under `catalog/{number:020}.json` with create-if-absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogEntry {
    /// [`CATALOG_FORMAT`].
    pub format: u32,
    /// The cluster.
    pub cluster: Fingerprint,
    /// 1-based, dense.
    pub number: u64,
    /// BLAKE3 of the stored bytes of the entry before, hex; empty in entry 1.
    pub previous: String,
    /// Term of the leader that won it; never below that of the entry before.
    pub epoch: Epoch,
    /// That leader.
    pub writer: NodeId,
    /// Its nonce: tells our own lost answer from another's win.
    pub nonce: String,
    /// Uploads that began on a lower number must start again.
    pub oldest_upload: u64,
    /// What can be restored, oldest first.
    pub snapshots: Vec<Listed>,
    /// What this entry took out of the list: to be collected.
    pub retired: Vec<SnapshotId>,
    /// Whether the term of `epoch` is over and the newest snapshot holds all that it acknowledged. Said in mode `snapshot`
    /// only, where there is no log that could tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

/// A snapshot in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name.
    pub id: SnapshotId,
    /// What it is a snapshot of.
    pub position: Position,
    /// Digest of the state there.
    pub digest: Digest,
    /// Whether it was read back from the store and its digest matched.
    pub verified: bool,
    /// Wall time, for people.
    pub created_ms: u64,
    /// Stored bytes.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
}

impl CatalogEntry {
    /// The newest snapshot listed.
    pub fn newest(&self) -> Option<&Listed> {
        self.snapshots.last()
    }

    /// The snapshot with this name.
    pub fn find(&self, id: &SnapshotId) -> Option<&Listed> {
        self.snapshots.iter().find(|listed| listed.id == *id)
    }
}
