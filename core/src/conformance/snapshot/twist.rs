use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::snapshot::{
    Attestation, CatalogEntry, Manifest, PartRef, Pin, SnapshotCapabilities, SnapshotId,
    SnapshotReader, SnapshotStore, SnapshotUpload, UploadId, Won,
};
use crate::store::{Server, Store};
use crate::words::{FenceToken, Fingerprint, Section, Seq};

/// Makes a snapshot store break one rule: everything that it does not replace is as the store does it.
#[async_trait]
pub trait SnapshotTwist: Send + Sync {
    /// In place of [`Store::init`].
    async fn init(&self, store: &dyn SnapshotStore, cluster: Fingerprint) -> Result<()> {
        store.init(cluster).await
    }

    /// In place of [`SnapshotStore::propose`].
    async fn propose(&self, store: &dyn SnapshotStore, manifest: &Manifest) -> Result<()> {
        store.propose(manifest).await
    }

    /// In place of [`SnapshotStore::attest`].
    async fn attest(&self, store: &dyn SnapshotStore, attestation: &Attestation) -> Result<()> {
        store.attest(attestation).await
    }

    /// In place of [`SnapshotStore::attested`].
    async fn attested(
        &self,
        store: &dyn SnapshotStore,
        id: &SnapshotId,
    ) -> Result<Option<Attestation>> {
        store.attested(id).await
    }

    /// In place of [`SnapshotStore::win_entry`].
    async fn win_entry(
        &self,
        store: &dyn SnapshotStore,
        token: &FenceToken,
        next: CatalogEntry,
    ) -> Result<Won> {
        store.win_entry(token, next).await
    }

    /// In place of [`SnapshotStore::open`].
    async fn open(
        &self,
        store: &dyn SnapshotStore,
        id: &SnapshotId,
    ) -> Result<Box<dyn SnapshotReader>> {
        store.open(id).await
    }

    /// In place of [`SnapshotStore::verify`].
    async fn verify(&self, store: &dyn SnapshotStore, id: &SnapshotId) -> Result<()> {
        store.verify(id).await
    }

    /// In place of [`SnapshotStore::collect`].
    async fn collect(&self, store: &dyn SnapshotStore, entry: &CatalogEntry) -> Result<u64> {
        store.collect(entry).await
    }

    /// In place of [`SnapshotUpload::put_part`].
    async fn put_part(
        &self,
        upload: &dyn SnapshotUpload,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        upload.put_part(bytes, rows, sections).await
    }

    /// In place of [`SnapshotReader::read_part`].
    async fn read_part(&self, reader: &dyn SnapshotReader, part: &PartRef) -> Result<Bytes> {
        reader.read_part(part).await
    }
}

/// A snapshot store under a twist.
pub(super) struct Twisted {
    store: Arc<dyn SnapshotStore>,
    twist: Arc<dyn SnapshotTwist>,
}

impl Twisted {
    pub(super) fn new(store: Arc<dyn SnapshotStore>, twist: Arc<dyn SnapshotTwist>) -> Self {
        Self { store, twist }
    }
}

impl fmt::Debug for Twisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Twisted({:?})", self.store)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Twisted {
    fn name(&self) -> &str {
        self.store.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.store.fingerprint().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.twist.init(&*self.store, cluster).await
    }

    async fn probe(&self) -> Result<()> {
        self.store.probe().await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.store.servers().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SnapshotStore for Twisted {
    fn capabilities(&self) -> SnapshotCapabilities {
        self.store.capabilities()
    }

    async fn newest(&self) -> Result<Option<CatalogEntry>> {
        self.store.newest().await
    }

    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>> {
        Ok(Box::new(TwistedUpload {
            upload: self.store.begin().await?,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn propose(&self, manifest: &Manifest) -> Result<()> {
        self.twist.propose(&*self.store, manifest).await
    }

    async fn proposals(&self) -> Result<Vec<SnapshotId>> {
        self.store.proposals().await
    }

    async fn attest(&self, attestation: &Attestation) -> Result<()> {
        self.twist.attest(&*self.store, attestation).await
    }

    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>> {
        self.twist.attested(&*self.store, id).await
    }

    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won> {
        self.twist.win_entry(&*self.store, token, next).await
    }

    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>> {
        Ok(Box::new(TwistedReader {
            reader: self.twist.open(&*self.store, id).await?,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn verify(&self, id: &SnapshotId) -> Result<()> {
        self.twist.verify(&*self.store, id).await
    }

    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        self.store.pin(id, seq, holder).await
    }

    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        self.store.unpin(id, holder).await
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        self.store.pins().await
    }

    async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        self.twist.collect(&*self.store, entry).await
    }
}

struct TwistedUpload {
    upload: Box<dyn SnapshotUpload>,
    twist: Arc<dyn SnapshotTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SnapshotUpload for TwistedUpload {
    fn id(&self) -> &UploadId {
        self.upload.id()
    }

    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let upload = &*self.upload;
        self.twist.put_part(upload, bytes, rows, sections).await
    }
}

struct TwistedReader {
    reader: Box<dyn SnapshotReader>,
    twist: Arc<dyn SnapshotTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SnapshotReader for TwistedReader {
    fn manifest(&self) -> &Manifest {
        self.reader.manifest()
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        self.twist.read_part(&*self.reader, part).await
    }
}
