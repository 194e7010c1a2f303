use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::conformance::Apart;
use standfast_core::{
    Attestation, CatalogEntry, FenceToken, Manifest, PartRef, Pin, Result, Section, Seq,
    SnapshotCapabilities, SnapshotId, SnapshotReader, SnapshotStore, SnapshotUpload, UploadId, Won,
};

use super::away::{Away, strange};
use super::child::Child;
use super::crew::Crew;
use super::words::{Address, Answer, Request};

/// A snapshot store whose uploads, proposals, entries and collections are made by a process of their own. All else is done
/// here.
pub(in crate::conformance) type AwaySnapshots = Away<dyn SnapshotStore>;

impl AwaySnapshots {
    /// As [`Away::of`].
    pub(in crate::conformance) fn start(
        here: Arc<dyn SnapshotStore>,
        crew: &Crew,
        address: &Address,
    ) -> Result<Option<Apart<dyn SnapshotStore>>> {
        let reach = here.capabilities().reach;
        let away = Self::of(here, reach, crew, address)?;
        Ok(away.map(|away| Apart::<dyn SnapshotStore> {
            process: Arc::clone(&away.child) as _,
            store: Arc::new(away),
        }))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SnapshotStore for AwaySnapshots {
    fn capabilities(&self) -> SnapshotCapabilities {
        self.here.capabilities()
    }

    async fn newest(&self) -> Result<Option<CatalogEntry>> {
        self.here.newest().await
    }

    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>> {
        let request = Request::Begin;
        let Answer::Upload(id) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        Ok(Box::new(AwayUpload {
            child: Arc::clone(&self.child),
            id,
        }))
    }

    async fn propose(&self, manifest: &Manifest) -> Result<()> {
        let request = Request::Propose(Box::new(manifest.clone()));
        self.child.ask(&request).await?;
        Ok(())
    }

    async fn proposals(&self) -> Result<Vec<SnapshotId>> {
        self.here.proposals().await
    }

    async fn attest(&self, attestation: &Attestation) -> Result<()> {
        self.here.attest(attestation).await
    }

    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>> {
        self.here.attested(id).await
    }

    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won> {
        let request = Request::WinEntry(token.clone(), Box::new(next));
        let Answer::Entry(won) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        Ok(won.map_or(Won::No, Won::Yes))
    }

    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>> {
        self.here.open(id).await
    }

    async fn verify(&self, id: &SnapshotId) -> Result<()> {
        self.here.verify(id).await
    }

    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        self.here.pin(id, seq, holder).await
    }

    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        self.here.unpin(id, holder).await
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        self.here.pins().await
    }

    async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        let request = Request::Collect(Box::new(entry.clone()));
        let Answer::Collected(count) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        Ok(count)
    }
}

/// An upload of another process.
struct AwayUpload {
    child: Arc<Child>,
    id: UploadId,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SnapshotUpload for AwayUpload {
    fn id(&self) -> &UploadId {
        &self.id
    }

    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let request = Request::PutPart(bytes.to_vec(), rows, sections);
        let Answer::Part(part) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        Ok(*part)
    }
}
