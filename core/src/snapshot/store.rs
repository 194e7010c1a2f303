use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

use super::{Attestation, CatalogEntry, Manifest, PartRef, SnapshotId, UploadId};
use crate::error::Result;
use crate::store::{Durability, Reach, Store};
use crate::words::{FenceToken, Section, Seq};

/// Keeps snapshots: immutable parts and manifests, and a catalog whose numbered entries are won with
/// create-if-absent.
///
/// ```text
///   parts/{upload}/{blake3}      uploaded by anyone            harmless until listed
///   manifests/{id}               proposed by anyone            harmless until listed
///   catalog/1 <- 2 <- 3 <- n     won by leaders only           THE state of the store
///   pins/{id}/{holder}           a restore in progress
/// ```
///
/// * **SS-1** What is stored under a name never changes (R6).
/// * **SS-2** Of all that race for catalog entry `n`, one wins, and everybody agrees which.
/// * **SS-3** Entry `n+1` builds on `n` only if `n`'s epoch is not above its own (R2).
/// * **SS-4** No part name is used twice; a part is reused only when a snapshot listed in the entry that is
///   built on refers to it, checked again on every rebase. A snapshot whose own upload was revoked is not listed.
///   Whatever an entry retires is of uploads older than its `oldest_upload`: it can never be listed again.
/// * **SS-5** `collect` deletes only after its entry was won and the pins were listed after that; what a listed
///   snapshot or a pin refers to stays.
/// * **SS-6** Whoever pins reads the newest entry again before it relies on the snapshot.
/// * **SS-7** Damage is `Corrupt` and names the part; a manifest or entry of another cluster is `Foreign`, of an
///   unknown format `Version`.
/// * **SS-8** An attestation makes nothing restorable and nothing verified: the leader does, in an entry, when the
///   digest attested is the one it lists. Of several attestations of a snapshot the first stays.
#[async_trait]
pub trait SnapshotStore: Store {
    /// What it declares.
    fn capabilities(&self) -> SnapshotCapabilities;

    /// The newest catalog entry.
    ///
    /// # Errors
    /// `Corrupt`, `Foreign`, `Version`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn newest(&self) -> Result<Option<CatalogEntry>>;

    /// Begins an upload.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>>;

    /// Stores a manifest as a proposal.
    ///
    /// # Errors
    /// `Unavailable`, `Quota`; `AlreadyExists` when another manifest has its name.
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again with the same manifest.
    async fn propose(&self, manifest: &Manifest) -> Result<()>;

    /// Names of all manifests that are there, listed or not, in order.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn proposals(&self) -> Result<Vec<SnapshotId>>;

    /// Stores what reading a snapshot back gave. Idempotent; the first attestation of a snapshot stays (SS-8).
    ///
    /// # Errors
    /// `Foreign`, `Unavailable`, `Quota`.
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again.
    async fn attest(&self, attestation: &Attestation) -> Result<()>;

    /// What was attested of a snapshot, if anything.
    ///
    /// # Errors
    /// `Corrupt`, `Foreign`, `Version`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>>;

    /// Tries to create catalog entry `next`, which the caller built on entry `next.number - 1`. The store fills
    /// in `previous`, checks SS-3 and SS-4, and resolves a lost answer by reading back.
    ///
    /// # Errors
    /// `Fenced` when the entry below is of a higher epoch; `Unavailable`; `Invalid` when the entry breaks SS-4.
    ///
    /// # Durability
    /// Durable on `Won::Yes`.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again with the same entry.
    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won>;

    /// Opens a snapshot by name, listed or not.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, `Foreign`, `Version`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>>;

    /// Reads every part of a snapshot and compares size and checksum. (That the rows add up to the digest is
    /// proved by restoring it.)
    ///
    /// # Errors
    /// As [`Self::open`]; `Corrupt` names the part.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn verify(&self, id: &SnapshotId) -> Result<()>;

    /// Pins a snapshot and the log behind it: `holder` is restoring it. Pinning again makes the pin young.
    ///
    /// # Errors
    /// `Unavailable`, `Quota`.
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()>;

    /// Takes a pin back. Idempotent.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()>;

    /// All pins.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn pins(&self) -> Result<Vec<Pin>>;

    /// Deletes what `entry`, which the caller has won, no longer refers to: parts of uploads older than its
    /// `oldest_upload`, and the manifests that need them (SS-5). Returns the number of objects
    /// deleted.
    ///
    /// # Errors
    /// `Unavailable`; what was not deleted is deleted by a later call.
    ///
    /// # Cancel safety
    /// May be cut anywhere; call again.
    async fn collect(&self, entry: &CatalogEntry) -> Result<u64>;
}

/// What a snapshot store declares about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SnapshotCapabilities {
    /// Who can read it.
    pub reach: Reach,
    /// What survives what.
    pub durability: Durability,
    /// How often each node looks for news, in milliseconds: a store may be far away, or take money for each look.
    pub look_every_ms: u64,
}

impl SnapshotCapabilities {
    /// Of a store that is looked at twice a second.
    pub const fn new(reach: Reach, durability: Durability) -> Self {
        Self {
            reach,
            durability,
            look_every_ms: 500,
        }
    }

    /// The same, looked at so often.
    #[must_use]
    pub const fn looked_at_every_ms(mut self, ms: u64) -> Self {
        self.look_every_ms = ms;
        self
    }
}

/// The answer to [`SnapshotStore::win_entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Won {
    /// The entry is ours; as it was stored.
    Yes(Box<CatalogEntry>),
    /// Another won this number: build again on the newest.
    No,
}

/// An upload in progress. Dropping it leaves parts that nothing refers to, which a later collection deletes.
#[async_trait]
pub trait SnapshotUpload: Send + Sync {
    /// Its name.
    fn id(&self) -> &UploadId;

    /// Stores one part. Several may be under way at once.
    ///
    /// # Errors
    /// `Unavailable`, `Quota`.
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again with the same bytes.
    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef>;
}

/// Reads one snapshot.
#[async_trait]
pub trait SnapshotReader: Send + Sync {
    /// Its manifest.
    fn manifest(&self) -> &Manifest;

    /// Reads one part and compares size and checksum. Several may be under way at once.
    ///
    /// # Errors
    /// `Corrupt` naming the part, also when it is missing; `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn read_part(&self, part: &PartRef) -> Result<Bytes>;
}

/// A restore in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// What it holds.
    pub snapshot: SnapshotId,
    /// The log after this entry is needed too.
    pub seq: Seq,
    /// Who holds it.
    pub holder: String,
    /// How old it is by the store's own clock.
    pub age: Duration,
}
