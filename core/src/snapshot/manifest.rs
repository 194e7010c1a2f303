use std::fmt;

use serde::{Deserialize, Serialize};

use crate::batch::Versions;
use crate::words::{Digest, Fingerprint, NodeId, Position, Seq};

/// The manifest format this version writes, and the newest it reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// The name of a snapshot: `{seq:020}-{random}`, so that names sort by age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub String);

impl SnapshotId {
    /// The name of a snapshot at `seq`.
    pub fn new(seq: Seq, random: u64) -> Self {
        Self(format!("{seq:020}-{random:016x}"))
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of an upload: the catalog number it began on, and a random part. No two uploads share one, so no
/// part name is ever used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UploadId {
    /// Number of the newest catalog entry when the upload began; 0 when there was none.
    pub began_on: u64,
    /// Drawn for each upload.
    pub random: u64,
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:016x}", self.began_on, self.random)
    }
}

impl UploadId {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, random) = text.split_once('-')?;
        Some(Self {
            began_on: number.parse().ok()?,
            random: u64::from_str_radix(random, 16).ok()?,
        })
    }
}

/// One part of a snapshot, where it lies and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRef {
    /// The upload that wrote it.
    pub upload: UploadId,
    /// BLAKE3 of the stored bytes, hex: the rest of its name.
    pub blake3: String,
    /// Stored bytes.
    pub size: u64,
    /// CRC-32C of the stored bytes.
    pub crc32c: u32,
    /// Rows in it.
    pub rows: u64,
    /// Number of the first section in it.
    pub first_section: u16,
    /// Number of the last section in it.
    pub last_section: u16,
}

/// A snapshot as its producer proposes it: harmless until a catalog entry lists it.
///
/// Stored as JSON under `manifests/{id}.json`. `format` is read before anything else is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// The cluster.
    pub cluster: Fingerprint,
    /// Its name.
    pub id: SnapshotId,
    /// What it is a snapshot of: everything up to and including this.
    pub position: Position,
    /// The node that made it.
    pub producer: NodeId,
    /// Wall time, for people.
    pub created_ms: u64,
    /// Stamp of the last entry included.
    pub stamp_ms: u64,
    /// Digest of the state at `position`.
    pub digest: Digest,
    /// Format versions of the rows.
    pub versions: Versions,
    /// The parts, in the order of restore.
    pub parts: Vec<PartRef>,
    /// The snapshot whose rows these change; `None` for a complete one.
    pub base: Option<SnapshotId>,
}

impl Manifest {
    /// Stored bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// Rows of all parts.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}
