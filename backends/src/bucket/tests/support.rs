use std::ops::Deref;
use std::path::PathBuf;

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
