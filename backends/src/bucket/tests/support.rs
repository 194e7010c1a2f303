use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result as StoreResult,
};
use parking_lot::Mutex;
use standfast_core::{
    CATALOG_FORMAT, CatalogEntry, ClusterId, Digest, Epoch, FenceToken, Fingerprint, Listed,
    MANIFEST_COMPLETE, Manifest, NodeId, PartRef, Position, Result, Section, Seq, SnapshotId,
    SnapshotStore, Store, UploadId, Versions, Won,
};
use tempfile::TempDir;

use crate::bucket::BucketSnapshotStore;

pub(super) fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("c").unwrap(), [7; 16])
}

pub(super) fn other_cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("c").unwrap(), [8; 16])
}

pub(super) fn token(epoch: u64) -> FenceToken {
    FenceToken {
        cluster: cluster(),
        epoch: Epoch(epoch),
        holder: NodeId::new(format!("node-{epoch}")).unwrap(),
        nonce: epoch.into(),
        proof: String::new(),
    }
}

pub(super) fn position(seq: u64) -> Position {
    Position {
        epoch: Epoch(1),
        seq: Seq(seq),
        ..Position::default()
    }
}

/// A bucket in files, deleted with it.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) folder: TempDir,
    pub(super) store: BucketSnapshotStore,
}

impl Deref for Folder {
    type Target = BucketSnapshotStore;

    fn deref(&self) -> &BucketSnapshotStore {
        &self.store
    }
}

impl Folder {
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = BucketSnapshotStore::open(folder.path(), "c").await.unwrap();
        store.init(cluster()).await.unwrap();
        Self { folder, store }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("c").join(name)
    }

    /// Another process's view of the same bucket.
    pub(super) async fn again(&self) -> BucketSnapshotStore {
        BucketSnapshotStore::open(self.folder.path(), "c")
            .await
            .unwrap()
    }
}

/// Uploads one part and proposes a snapshot of it.
pub(super) async fn proposal(store: &BucketSnapshotStore, seq: u64) -> Manifest {
    let upload = store.begin().await.unwrap();
    let sections = (Section::GLOBALS, Section::GLOBALS);
    let bytes = format!("rows of {seq}").into();
    let part = upload.put_part(bytes, seq, sections).await.unwrap();
    let manifest = manifest(seq, upload.id().random, vec![part]);
    store.propose(&manifest).await.unwrap();
    manifest
}

pub(super) fn manifest(seq: u64, random: u64, parts: Vec<PartRef>) -> Manifest {
    Manifest {
        format: MANIFEST_COMPLETE,
        cluster: cluster(),
        id: SnapshotId::new(Seq(seq), random),
        position: position(seq),
        producer: NodeId::new("standby").unwrap(),
        created_ms: 1_700_000_000_000,
        stamp_ms: 1_700_000_000_001,
        digest: Digest(seq.into()),
        versions: Versions {
            written: 1,
            lowest_reader: 1,
            digest: 1,
        },
        parts,
        base: None,
        layers: Vec::new(),
    }
}

pub(super) fn part(began_on: u64, random: u64) -> PartRef {
    PartRef {
        upload: UploadId { began_on, random },
        blake3: "ab".repeat(32),
        size: 11,
        crc32c: 12,
        rows: 13,
        first_section: 1024,
        last_section: 3,
    }
}

pub(super) fn listed(manifest: &Manifest) -> Listed {
    Listed {
        id: manifest.id.clone(),
        position: manifest.position,
        digest: manifest.digest,
        verified: false,
        created_ms: manifest.created_ms,
        bytes: manifest.bytes(),
        rows: manifest.rows(),
    }
}

/// The entry after `base` that changes nothing.
pub(super) fn after(base: Option<&CatalogEntry>, token: &FenceToken) -> CatalogEntry {
    CatalogEntry {
        format: CATALOG_FORMAT,
        cluster: cluster(),
        number: base.map_or(1, |base| base.number + 1),
        previous: String::new(),
        epoch: token.epoch,
        writer: token.holder.clone(),
        nonce: format!("{:x}", token.nonce),
        oldest_upload: base.map_or(0, |base| base.oldest_upload),
        snapshots: base.map_or_else(Vec::new, |base| base.snapshots.clone()),
        complete: false,
        retired: Vec::new(),
    }
}

/// Wins the entry after the newest, as `change` makes it.
pub(super) async fn win(
    store: &BucketSnapshotStore,
    epoch: u64,
    change: impl FnOnce(&mut CatalogEntry),
) -> Result<CatalogEntry> {
    let newest = store.newest().await?;
    let mut next = after(newest.as_ref(), &token(epoch));
    change(&mut next);
    match store.win_entry(&token(epoch), next).await? {
        Won::Yes(entry) => Ok(*entry),
        Won::No => panic!("nobody else is there"),
    }
}

/// Takes a snapshot out, as a leader should.
pub(super) fn retire(entry: &mut CatalogEntry, manifest: &Manifest) {
    entry.snapshots.retain(|listed| listed.id != manifest.id);
    entry.retired.push(manifest.id.clone());
    let began = manifest.parts.iter().map(|part| part.upload.began_on);
    entry.oldest_upload = entry.oldest_upload.max(began.max().unwrap_or(0) + 1);
}

/// What happens to the next create.
#[derive(Clone, Copy, Debug)]
pub(super) enum PutFault {
    /// Done, and the answer is lost.
    LoseAnswer,
    /// Done, and the gateway says that it exists: its retry met its own first try.
    SayExists,
    /// Not done, and the gateway says that it exists (HTTP 409 under contention).
    Conflict,
    /// Not done, and a server error.
    Fail,
    /// Done whether or not it exists: the condition is ignored.
    IgnoreCondition,
}

/// An object store with faults, over files.
pub(super) struct Unreliable {
    inner: LocalFileSystem,
    faults: Arc<Mutex<VecDeque<PutFault>>>,
}

impl Unreliable {
    /// A bucket over it, initialised, and the faults to come.
    pub(super) async fn bucket(
        folder: &TempDir,
    ) -> (BucketSnapshotStore, Arc<Mutex<VecDeque<PutFault>>>) {
        let faults = Arc::<Mutex<VecDeque<_>>>::default();
        let inner = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let unreliable = Self {
            inner,
            faults: Arc::clone(&faults),
        };
        let store = BucketSnapshotStore::over(Arc::new(unreliable), None, "c");
        store.init(cluster()).await.unwrap();
        (store, faults)
    }
}

fn lost() -> StoreError {
    StoreError::Generic {
        store: "unreliable",
        source: "connection reset".into(),
    }
}

fn exists(path: &Path) -> StoreError {
    StoreError::AlreadyExists {
        path: path.to_string(),
        source: "409 Conflict".into(),
    }
}

impl fmt::Debug for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unreliable")
    }
}

impl fmt::Display for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unreliable")
    }
}

#[async_trait]
impl ObjectStore for Unreliable {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> StoreResult<PutResult> {
        let fault = match opts.mode {
            PutMode::Create => self.faults.lock().pop_front(),
            _ => None,
        };
        match fault {
            None => self.inner.put_opts(location, payload, opts).await,
            Some(PutFault::Conflict) => Err(exists(location)),
            Some(PutFault::Fail) => Err(lost()),
            Some(PutFault::LoseAnswer) => {
                drop(self.inner.put_opts(location, payload, opts).await);
                Err(lost())
            }
            Some(PutFault::SayExists) => {
                drop(self.inner.put_opts(location, payload, opts).await);
                Err(exists(location))
            }
            Some(PutFault::IgnoreCondition) => {
                let opts = PutOptions::from(PutMode::Overwrite);
                self.inner.put_opts(location, payload, opts).await
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
