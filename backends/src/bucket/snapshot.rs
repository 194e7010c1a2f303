use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;
use standfast_core::{
    Attestation, CatalogEntry, Durability, ErrorKind, FenceToken, Fingerprint, Manifest, Pin,
    Reach, Result, Seq, SnapshotCapabilities, SnapshotId, SnapshotReader, SnapshotStore,
    SnapshotUpload, Store, UploadId, Won,
};

use super::documents;
use super::error::fail;
use super::layout::{FOLDERS, Layout};
use super::local::LocalDirs;
use super::objects::Objects;
use super::reader::BucketReader;
use super::space::BucketSpace;
use super::upload::BucketUpload;

/// How often a store that takes money for requests is looked at.
const LOOK_EVERY_MS: u64 = 2000;

/// Snapshots in an object store.
#[derive(Debug)]
pub struct BucketSnapshotStore {
    space: Arc<BucketSpace>,
    capabilities: SnapshotCapabilities,
}

impl BucketSnapshotStore {
    /// Any object store. `cluster` is the first part of every name.
    pub(super) fn over(
        store: Arc<dyn ObjectStore>,
        local: Option<LocalDirs>,
        cluster: &str,
    ) -> Self {
        let capabilities = if local.is_some() {
            SnapshotCapabilities::new(Reach::Host, Durability::Disk)
        } else {
            let remote = SnapshotCapabilities::new(Reach::Cluster, Durability::Replicated);
            remote.looked_at_every_ms(LOOK_EVERY_MS)
        };
        Self {
            space: Arc::new(BucketSpace::new(
                Objects::new(store, local),
                Layout::new(cluster),
            )),
            capabilities,
        }
    }

    /// Makes the folders, where there are folders.
    pub(super) async fn create_folders(&self) -> Result<()> {
        for folder in FOLDERS {
            let folder = self.space.layout.folder(folder);
            self.space.objects.ensure_folder(folder).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for BucketSnapshotStore {
    fn name(&self) -> &'static str {
        "bucket"
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.space.owner().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.space.claim(cluster).await
    }

    /// Creates an object twice: a store that lets the second create through (some gateways ignore the condition)
    /// would let two leaders win one catalog entry. `Quota` when there is no room to find that out.
    async fn probe(&self) -> Result<()> {
        let objects = &self.space.objects;
        let path = self.space.layout.probe(rand::random());
        objects.create(&path, "first\n".into()).await?;
        let second = objects.create_again(&path, "second\n".into()).await;
        let there = objects.get(&path).await?;
        objects.delete(&path).await?;
        if there.as_deref() == Some(b"first\n") {
            match second {
                Err(error) if *error.kind() == ErrorKind::AlreadyExists => return Ok(()),
                // It failed, and so did not lose.
                Err(error) => return Err(error),
                Ok(()) => {}
            }
        }
        Err(fail(
            ErrorKind::Unsupported,
            "probe",
            format!(
                "a second create of `{path}` did not lose: the store ignores create-if-absent, so two leaders could \
                 both publish; use one that honours `If-None-Match: *`"
            ),
        ))
    }
}

#[async_trait]
impl SnapshotStore for BucketSnapshotStore {
    fn capabilities(&self) -> SnapshotCapabilities {
        self.capabilities
    }

    async fn newest(&self) -> Result<Option<CatalogEntry>> {
        self.space.newest().await
    }

    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>> {
        self.space.cluster().await?;
        let id = UploadId {
            // Not the number that was seen last: that may be of a bucket that was emptied since.
            began_on: self.newest().await?.map_or(0, |newest| newest.number),
            random: rand::random(),
        };
        Ok(Box::new(BucketUpload::new(Arc::clone(&self.space), id)))
    }

    async fn propose(&self, manifest: &Manifest) -> Result<()> {
        let path = self.space.layout.manifest(&manifest.id);
        match self.space.create(&path, manifest).await? {
            None => Ok(()),
            Some(_) => Err(fail(
                ErrorKind::AlreadyExists,
                "propose",
                format!("another manifest is at `{path}`"),
            )),
        }
    }

    async fn proposals(&self) -> Result<Vec<SnapshotId>> {
        let names = self.space.listed_names("manifests").await?;
        Ok(names.into_iter().collect())
    }

    async fn attest(&self, attestation: &Attestation) -> Result<()> {
        let path = self.space.layout.attestation(&attestation.snapshot);
        self.space.create(&path, attestation).await.map(drop)
    }

    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>> {
        let path = self.space.layout.attestation(id);
        let Some(bytes) = self.space.objects.get(&path).await? else {
            return Ok(None);
        };
        let cluster = self.space.cluster().await?;
        documents::decode_ours(path.as_ref(), &bytes, cluster).map(Some)
    }

    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won> {
        self.space.win(token, next).await
    }

    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>> {
        let manifest = self.space.manifest(id).await?.ok_or_else(|| {
            fail(
                ErrorKind::NotFound,
                "open snapshot",
                format!("snapshot {id} has no manifest"),
            )
        })?;
        Ok(Box::new(BucketReader::new(
            Arc::clone(&self.space),
            manifest,
        )))
    }

    async fn verify(&self, id: &SnapshotId) -> Result<()> {
        let reader = self.open(id).await?;
        for part in &reader.manifest().parts {
            let bytes = reader.read_part(part).await?;
            if blake3::hash(&bytes).to_hex().as_str() != part.blake3 {
                return Err(fail(
                    ErrorKind::Corrupt,
                    "verify snapshot",
                    format!(
                        "snapshot {id}, part `{}`: its bytes have another hash than its name",
                        self.space.layout.part(part)
                    ),
                ));
            }
        }
        Ok(())
    }

    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        self.space.pin(id, seq, holder).await
    }

    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        self.space.unpin(id, holder).await
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        self.space.pins().await
    }

    async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        self.space.collect(entry).await
    }
}
