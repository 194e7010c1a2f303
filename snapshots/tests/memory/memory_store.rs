use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use standfast_core::{
    Attestation, CatalogEntry, Durability, Error, ErrorKind, FenceToken, Fingerprint, Manifest,
    PartRef, Pin, Reach, Result, Section, Seq, SnapshotCapabilities, SnapshotId, SnapshotReader,
    SnapshotStore, SnapshotUpload, Store, UploadId, Won,
};
use tokio::time::Instant;

use crate::stories::world::cluster;
use crate::stories::{Damage, Fixture};

type PartName = (UploadId, String);
type OnPut = Box<dyn Fn() + Send>;

#[derive(Debug, Default)]
struct Kept {
    parts: BTreeMap<PartName, Bytes>,
    removed: BTreeMap<PartName, Bytes>,
    manifests: BTreeMap<SnapshotId, Manifest>,
    attestations: BTreeMap<SnapshotId, Attestation>,
    catalog: Vec<CatalogEntry>,
    pins: BTreeMap<(SnapshotId, String), (Seq, Instant)>,
}

/// The contract over maps, for the stories of this crate.
#[derive(Clone)]
pub(crate) struct MemorySnapshotStore {
    cluster: Fingerprint,
    kept: Arc<Mutex<Kept>>,
    drawn: Arc<AtomicU64>,
    on_put: Arc<Mutex<Option<OnPut>>>,
}

impl fmt::Debug for MemorySnapshotStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemorySnapshotStore")
    }
}

impl MemorySnapshotStore {
    pub(crate) fn new(cluster: Fingerprint) -> Self {
        Self {
            cluster,
            kept: Arc::default(),
            drawn: Arc::default(),
            on_put: Arc::default(),
        }
    }

    /// Called whenever a part is stored.
    pub(crate) fn on_put(&self, call: impl Fn() + Send + 'static) {
        *self.on_put.lock() = Some(Box::new(call));
    }

    fn manifest(&self, id: &SnapshotId) -> Result<Manifest> {
        let manifest = self.kept.lock().manifests.get(id).cloned();
        let manifest =
            manifest.ok_or_else(|| error(ErrorKind::NotFound, format!("manifest {id}")))?;
        if manifest.cluster != self.cluster {
            return Err(error(ErrorKind::Foreign, format!("manifest {id}")));
        }
        Ok(manifest)
    }
}

fn error(kind: ErrorKind, context: impl Into<String>) -> Error {
    Error::new(kind, "any").context(context)
}

fn name(part: &PartRef) -> PartName {
    (part.upload.clone(), part.blake3.clone())
}

/// Not a CRC: this store is never read by anything else.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(17, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    })
}

struct MemoryUpload(MemorySnapshotStore, UploadId);

struct MemoryReader(MemorySnapshotStore, Manifest);

#[async_trait]
impl SnapshotUpload for MemoryUpload {
    fn id(&self) -> &UploadId {
        &self.1
    }

    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let drawn = self.0.drawn.fetch_add(1, Ordering::Relaxed);
        let part = PartRef {
            upload: self.1.clone(),
            blake3: format!("{drawn:064x}"),
            size: bytes.len() as u64,
            crc32c: sum(&bytes),
            rows,
            first_section: sections.0.number(),
            last_section: sections.1.number(),
        };
        self.0.kept.lock().parts.insert(name(&part), bytes);
        if let Some(call) = &*self.0.on_put.lock() {
            call();
        }
        Ok(part)
    }
}

#[async_trait]
impl SnapshotReader for MemoryReader {
    fn manifest(&self) -> &Manifest {
        &self.1
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        let bytes = self.0.kept.lock().parts.get(&name(part)).cloned();
        let sound =
            bytes.filter(|bytes| bytes.len() as u64 == part.size && sum(bytes) == part.crc32c);
        sound.ok_or_else(|| {
            let what = format!("snapshot {}, part {}", self.1.id, part.blake3);
            error(ErrorKind::Corrupt, what)
        })
    }
}

#[async_trait]
impl Store for MemorySnapshotStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        Ok(Some(self.cluster))
    }

    async fn init(&self, _: Fingerprint) -> Result<()> {
        Ok(())
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl SnapshotStore for MemorySnapshotStore {
    fn capabilities(&self) -> SnapshotCapabilities {
        SnapshotCapabilities::new(Reach::Process, Durability::Process)
    }

    async fn newest(&self) -> Result<Option<CatalogEntry>> {
        Ok(self.kept.lock().catalog.last().cloned())
    }

    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>> {
        let id = UploadId {
            began_on: self.kept.lock().catalog.len() as u64,
            random: self.drawn.fetch_add(1, Ordering::Relaxed),
        };
        Ok(Box::new(MemoryUpload(self.clone(), id)))
    }

    async fn propose(&self, manifest: &Manifest) -> Result<()> {
        let mut kept = self.kept.lock();
        let there = kept
            .manifests
            .entry(manifest.id.clone())
            .or_insert_with(|| manifest.clone());
        if there == manifest {
            return Ok(());
        }
        Err(error(ErrorKind::AlreadyExists, manifest.id.to_string()))
    }

    async fn proposals(&self) -> Result<Vec<SnapshotId>> {
        Ok(self.kept.lock().manifests.keys().cloned().collect())
    }

    async fn attest(&self, attestation: &Attestation) -> Result<()> {
        let mut kept = self.kept.lock();
        kept.attestations
            .entry(attestation.snapshot.clone())
            .or_insert_with(|| attestation.clone());
        Ok(())
    }

    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>> {
        Ok(self.kept.lock().attestations.get(id).cloned())
    }

    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won> {
        let mut kept = self.kept.lock();
        let newest = kept.catalog.last();
        if newest.is_some_and(|newest| newest.epoch > token.epoch) {
            return Err(error(ErrorKind::Fenced, "a higher epoch won"));
        }
        if next.number != kept.catalog.len() as u64 + 1 {
            return Ok(Won::No);
        }
        kept.catalog.push(next.clone());
        Ok(Won::Yes(Box::new(next)))
    }

    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>> {
        Ok(Box::new(MemoryReader(self.clone(), self.manifest(id)?)))
    }

    async fn verify(&self, id: &SnapshotId) -> Result<()> {
        let reader = MemoryReader(self.clone(), self.manifest(id)?);
        for part in &reader.1.parts {
            reader.read_part(part).await?;
        }
        Ok(())
    }

    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        let pin = (id.clone(), holder.to_owned());
        self.kept.lock().pins.insert(pin, (seq, Instant::now()));
        Ok(())
    }

    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        let pin = (id.clone(), holder.to_owned());
        self.kept.lock().pins.remove(&pin);
        Ok(())
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        let kept = self.kept.lock();
        let pins = kept.pins.iter().map(|((snapshot, holder), (seq, at))| Pin {
            snapshot: snapshot.clone(),
            seq: *seq,
            holder: holder.clone(),
            age: at.elapsed(),
        });
        Ok(pins.collect())
    }

    async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        let mut kept = self.kept.lock();
        let kept = &mut *kept;
        let held = |id: &SnapshotId| {
            entry.find(id).is_some() || kept.pins.keys().any(|(pinned, _)| pinned == id)
        };
        let live: Vec<_> = kept.manifests.values().filter(|m| held(&m.id)).collect();
        let live: Vec<_> = live.iter().flat_map(|m| m.parts.iter().map(name)).collect();
        let dead = |part: &PartName| part.0.began_on < entry.oldest_upload && !live.contains(part);
        let before = kept.parts.len() + kept.manifests.len();
        let revoked = |part: &PartRef| part.upload.began_on < entry.oldest_upload;
        let lost =
            |m: &Manifest, part: &PartRef| dead(&name(part)) || (m.is_own(part) && revoked(part));
        let stays = |m: &Manifest| {
            held(&m.id)
                || !(entry.retired.contains(&m.id) || m.parts.iter().any(|part| lost(m, part)))
        };
        let gone: Vec<_> = kept.manifests.values().filter(|m| !stays(m)).collect();
        let gone: Vec<_> = gone.iter().map(|manifest| manifest.id.clone()).collect();
        kept.parts.retain(|part, _| !dead(part));
        for id in gone {
            kept.manifests.remove(&id);
            kept.attestations.remove(&id);
        }
        Ok((before - kept.parts.len() - kept.manifests.len()) as u64)
    }
}

/// The store in memory, and its inside.
pub(crate) struct MemoryFixture(MemorySnapshotStore);

impl MemoryFixture {
    #[expect(
        clippy::unused_async,
        reason = "other stores are opened asynchronously"
    )]
    pub(crate) async fn new() -> Self {
        Self(MemorySnapshotStore::new(cluster()))
    }
}

impl Fixture for MemoryFixture {
    fn store(&self) -> Arc<dyn SnapshotStore> {
        Arc::new(self.0.clone())
    }

    fn damage_part(&self, part: &PartRef, damage: Damage) {
        let mut kept = self.0.kept.lock();
        let name = name(part);
        let Some(bytes) = kept.parts.remove(&name) else {
            return;
        };
        kept.removed.insert(name.clone(), bytes.clone());
        let mut bytes = bytes.to_vec();
        match damage {
            Damage::Remove => return,
            Damage::FlipBit => bytes[0] ^= 1,
            Damage::Truncate => bytes.truncate(bytes.len() / 2),
        }
        kept.parts.insert(name, bytes.into());
    }

    fn repair_part(&self, part: &PartRef) {
        let mut kept = self.0.kept.lock();
        let bytes = kept.removed.remove(&name(part)).unwrap();
        kept.parts.insert(name(part), bytes);
    }

    fn remove_manifest(&self, id: &SnapshotId) {
        self.0.kept.lock().manifests.remove(id);
    }

    fn replace_manifest(&self, manifest: &Manifest) {
        let id = manifest.id.clone();
        self.0.kept.lock().manifests.insert(id, manifest.clone());
    }

    fn parts(&self) -> usize {
        self.0.kept.lock().parts.len()
    }

    fn manifests(&self) -> usize {
        self.0.kept.lock().manifests.len()
    }
}
