use std::fmt;

use serde::{Deserialize, Serialize};

use crate::batch::Versions;
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Digest, Fingerprint, NodeId, Position, Seq};

/// The newest manifest format this version reads: an incremental snapshot is of it.
pub const MANIFEST_FORMAT: u32 = 2;
/// The manifest format of a complete snapshot: programs that know no incremental ones read it.
pub const MANIFEST_COMPLETE: u32 = 1;
/// An incremental snapshot has no more layers than these.
pub const MOST_LAYERS: usize = 4;

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
///
/// An incremental one names every part that its restore needs, so that it needs no other manifest: those that hold what
/// changed first, the newest change first, then those of the base. They are parts of earlier snapshots, all but the first
/// layer's (SS-4).
///
/// ```text
///   parts   [ layer 0: since layer 1 ][ layer 1: since layer 2 ][ layer 2: since the base ][ the base ........... ]
/// ```
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
    /// The complete snapshot whose rows the layers change; `None` for a complete one.
    pub base: Option<SnapshotId>,
    /// What changed since the base, the newest change first. The first is this snapshot's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// What changed from one snapshot to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The later one.
    pub id: SnapshotId,
    /// How many parts hold it.
    pub parts: usize,
}

impl Manifest {
    /// This snapshot, of what changed since `previous`, as one that can be restored by itself.
    #[must_use]
    pub fn on(mut self, previous: Self) -> Self {
        let own = Layer {
            id: self.id.clone(),
            parts: self.parts.len(),
        };
        self.format = MANIFEST_FORMAT;
        self.base = Some(previous.base.unwrap_or(previous.id));
        self.layers = std::iter::once(own).chain(previous.layers).collect();
        self.parts.extend(previous.parts);
        self
    }

    /// Whether it was uploaded for this snapshot. Once that upload is revoked the snapshot can never be listed, even when
    /// all its parts are there for others' sake.
    pub fn is_own(&self, part: &PartRef) -> bool {
        self.id == SnapshotId::new(self.position.seq, part.upload.random)
    }

    /// How many of the parts, from the first, hold changes.
    pub fn layer_parts(&self) -> usize {
        let parts = self.layers.iter().map(|layer| layer.parts);
        parts.fold(0, usize::saturating_add)
    }

    /// The complete snapshot that it shares its parts with: damage to one of those is damage to both.
    pub fn family(&self) -> &SnapshotId {
        self.base.as_ref().unwrap_or(&self.id)
    }

    /// Whether base and layers are what they can be.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn check_layers(&self) -> Result<()> {
        let layered = self.format == MANIFEST_FORMAT;
        let own = self.layers.first().map(|layer| &layer.id);
        let good = layered == self.base.is_some()
            && own == layered.then_some(&self.id)
            && self.layers.len() <= MOST_LAYERS
            && self.layer_parts() <= self.parts.len();
        if good {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::Corrupt, "read manifest").context(format!(
                "snapshot {} of format {} says base {:?} and {} layers of {} of its {} parts",
                self.id,
                self.format,
                self.base,
                self.layers.len(),
                self.layer_parts(),
                self.parts.len()
            )),
        )
    }

    /// Stored bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// Stored bytes of the parts that were uploaded for this snapshot.
    pub fn own_bytes(&self) -> u64 {
        let own = self.parts.iter().filter(|part| self.is_own(part));
        own.map(|part| part.size).sum()
    }

    /// Rows of all parts. What a layer changes counts again.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}
