use std::time::Duration;

use object_store::path::Path;
use standfast_core::{ErrorKind, Pin, Result, Seq, SnapshotId};

use super::documents::{self, Document, PinDocument};
use super::error::fail;
use super::space::BucketSpace;

impl BucketSpace {
    /// Writes a pin; again, to make it young.
    pub(super) async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        let document = PinDocument {
            format: PinDocument::FORMAT,
            cluster: self.cluster().await?,
            snapshot: id.clone(),
            seq,
            holder: holder.to_owned(),
        };
        let path = self.layout.pin(id, holder);
        self.objects
            .replace(&path, documents::encode(&document))
            .await
    }

    /// Deletes a pin.
    pub(super) async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        let path = self.layout.pin(id, holder);
        self.objects.delete(&path).await.map(drop)
    }

    /// All pins that were there when this began. One that cannot be read fails the whole: what it holds must not
    /// be deleted because nobody knows what it is.
    pub(super) async fn pins(&self) -> Result<Vec<Pin>> {
        let cluster = self.cluster().await?;
        let listed = self.objects.list(&self.layout.folder("pins")).await?;
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.store_clock().await?;
        let mut pins = Vec::with_capacity(listed.len());
        for meta in listed {
            let Some(bytes) = self.objects.get(&meta.location).await? else {
                continue;
            };
            let name = meta.location.as_ref();
            let pin: PinDocument =
                documents::decode_ours(name, &bytes, cluster).map_err(unreadable)?;
            let age = now.saturating_sub(millis(meta.last_modified.timestamp_millis()));
            pins.push(Pin {
                snapshot: pin.snapshot,
                seq: pin.seq,
                holder: pin.holder,
                age,
            });
        }
        Ok(pins)
    }

    /// The store's own time: what it stamps on an object written now. Our clock may differ from it by hours.
    pub(super) async fn store_clock(&self) -> Result<Duration> {
        let path = self.layout.probe(rand::random());
        self.objects
            .replace(&path, bytes::Bytes::from_static(b"now\n"))
            .await?;
        let meta = self.objects.head(&path).await?;
        self.objects.delete(&path).await?;
        meta.map(|meta| millis(meta.last_modified.timestamp_millis()))
            .ok_or_else(|| vanished(&path))
    }
}

/// A time of the store, since 1970.
pub(super) fn millis(since_1970: i64) -> Duration {
    Duration::from_millis(u64::try_from(since_1970).unwrap_or(0))
}

fn unreadable(error: standfast_core::Error) -> standfast_core::Error {
    error.context("nothing is trimmed or deleted while nobody knows what it holds: delete it if no restore is under way")
}

fn vanished(path: &Path) -> standfast_core::Error {
    fail(
        ErrorKind::Unavailable,
        "read the store's clock",
        format!("`{path}` vanished right after it was written"),
    )
}
