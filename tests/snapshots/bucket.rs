use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use standfast_backends::bucket::BucketSnapshotStore;
use standfast_core::{Manifest, PartRef, SnapshotId, SnapshotStore, Store};
use tempfile::TempDir;

use crate::stories::world::cluster;
use crate::stories::{Damage, Fixture};

/// A bucket in a folder of its own.
pub(crate) struct BucketFixture {
    folder: TempDir,
    store: Arc<dyn SnapshotStore>,
}

impl BucketFixture {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = BucketSnapshotStore::open(folder.path(), "stories")
            .await
            .unwrap();
        store.init(cluster()).await.unwrap();
        let store = Arc::new(store);
        Self { folder, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("stories").join(name)
    }

    fn part(&self, part: &PartRef) -> PathBuf {
        self.path(&format!("parts/{}/{}.zst", part.upload, part.blake3))
    }

    fn saved(&self, part: &PartRef) -> PathBuf {
        self.folder.path().join(&part.blake3)
    }

    fn manifest(&self, id: &SnapshotId) -> PathBuf {
        self.path(&format!("manifests/{id}.json"))
    }
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

impl Fixture for BucketFixture {
    fn store(&self) -> Arc<dyn SnapshotStore> {
        Arc::clone(&self.store)
    }

    fn damage_part(&self, part: &PartRef, damage: Damage) {
        let path = self.part(part);
        let Ok(mut bytes) = fs::read(&path) else {
            return;
        };
        fs::write(self.saved(part), &bytes).unwrap();
        match damage {
            Damage::Remove => return fs::remove_file(path).unwrap(),
            Damage::FlipBit => bytes[20] ^= 1,
            Damage::Truncate => bytes.truncate(bytes.len() / 2),
        }
        fs::write(path, bytes).unwrap();
    }

    fn repair_part(&self, part: &PartRef) {
        fs::copy(self.saved(part), self.part(part)).unwrap();
    }

    fn remove_manifest(&self, id: &SnapshotId) {
        fs::remove_file(self.manifest(id)).unwrap();
    }

    fn replace_manifest(&self, manifest: &Manifest) {
        let json = serde_json::to_vec(manifest).unwrap();
        fs::write(self.manifest(&manifest.id), json).unwrap();
    }

    fn parts(&self) -> usize {
        files_below(&self.path("parts")).len()
    }

    fn manifests(&self) -> usize {
        files_below(&self.path("manifests")).len()
    }
}
