use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{
    Attestation, CatalogEntry, FenceToken, Manifest, PartRef, Pin, Result, Section, Seq,
    SnapshotCapabilities, SnapshotId, SnapshotReader, SnapshotStore, SnapshotUpload, UploadId, Won,
};

use super::forward_store;
use crate::layers::layer::{Layer, call};

/// A store of snapshots with a layer around it.
#[derive(Debug)]
pub(in crate::layers) struct LayeredSnapshots<L> {
    layer: L,
    inner: Arc<dyn SnapshotStore>,
}

impl<L: Layer> LayeredSnapshots<L> {
    pub(in crate::layers) const fn new(layer: L, inner: Arc<dyn SnapshotStore>) -> Self {
        Self { layer, inner }
    }
}

forward_store!(LayeredSnapshots);

#[async_trait]
impl<L: Layer> SnapshotStore for LayeredSnapshots<L> {
    fn capabilities(&self) -> SnapshotCapabilities {
        self.inner.capabilities()
    }

    async fn newest(&self) -> Result<Option<CatalogEntry>> {
        call!(self, Newest, self.inner.newest())
    }

    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>> {
        let inner = call!(self, Begin, self.inner.begin())?;
        let layer = self.layer.clone();
        Ok(Box::new(LayeredUpload { layer, inner }))
    }

    async fn propose(&self, manifest: &Manifest) -> Result<()> {
        call!(self, Propose, self.inner.propose(manifest))
    }

    async fn proposals(&self) -> Result<Vec<SnapshotId>> {
        call!(self, Proposals, self.inner.proposals())
    }

    async fn attest(&self, attestation: &Attestation) -> Result<()> {
        call!(self, Attest, self.inner.attest(attestation))
    }

    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>> {
        call!(self, Attested, self.inner.attested(id))
    }

    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won> {
        call!(self, WinEntry, self.inner.win_entry(token, next.clone()))
    }

    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>> {
        let inner = call!(self, Open, self.inner.open(id))?;
        let layer = self.layer.clone();
        Ok(Box::new(LayeredReader { layer, inner }))
    }

    async fn verify(&self, id: &SnapshotId) -> Result<()> {
        call!(self, Verify, self.inner.verify(id))
    }

    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        call!(self, Pin, self.inner.pin(id, seq, holder))
    }

    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        call!(self, Unpin, self.inner.unpin(id, holder))
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        call!(self, Pins, self.inner.pins())
    }

    async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        call!(self, Collect, self.inner.collect(entry))
    }
}

/// An upload with a layer around it.
struct LayeredUpload<L> {
    layer: L,
    inner: Box<dyn SnapshotUpload>,
}

#[async_trait]
impl<L: Layer> SnapshotUpload for LayeredUpload<L> {
    fn id(&self) -> &UploadId {
        self.inner.id()
    }

    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let size = bytes.len();
        let put = || self.inner.put_part(bytes.clone(), rows, sections);
        call!(self, PutPart, size, put())
    }
}

/// A reader with a layer around it.
struct LayeredReader<L> {
    layer: L,
    inner: Box<dyn SnapshotReader>,
}

#[async_trait]
impl<L: Layer> SnapshotReader for LayeredReader<L> {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        call!(self, ReadPart, self.inner.read_part(part))
    }
}
