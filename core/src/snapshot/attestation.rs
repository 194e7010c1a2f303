use serde::{Deserialize, Serialize};

use super::SnapshotId;
use crate::words::{Digest, Fingerprint, NodeId};

/// The attestation format this version writes, and the newest it reads.
pub const ATTESTATION_FORMAT: u32 = 1;

/// Someone read a snapshot back from the store and got this digest out of it: harmless until the leader finds
/// it equal to what it lists (SS-8).
///
/// Stored as JSON under `attestations/{id}.json` with create-if-absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// [`ATTESTATION_FORMAT`].
    pub format: u32,
    /// The cluster.
    pub cluster: Fingerprint,
    /// What was read back.
    pub snapshot: SnapshotId,
    /// The node that did.
    pub holder: NodeId,
    /// Digest of the rows that were read.
    pub digest: Digest,
}
