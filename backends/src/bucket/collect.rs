use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use standfast_core::{CatalogEntry, ErrorKind, Manifest, Result, SnapshotId, UploadId};

use super::layout::{json_stem, part_name};
use super::pins::millis;
use super::rules::{self, PartName};
use super::space::BucketSpace;

/// A write takes seconds: one that has taken this long has died.
const DIED: Duration = Duration::from_hours(1);

/// How many parts an entry deletes. Whoever has made a snapshot waits meanwhile for it to be listed, and the log to be trimmed:
/// more were left by uploads that died, and go with the next entries.
const MOST: usize = 1000;
/// How many of them are deleted at once.
const AT_ONCE: usize = 8;

impl BucketSpace {
    /// Deletes what a won entry no longer refers to.
    ///
    /// The order is the protocol: the entry was won before this began, the pins are listed after that, and only
    /// then is anything deleted. Whoever pins later reads the newest entry again and does not find its snapshot.
    /// Only uploads below `oldest_upload` are touched, and no later entry can refer to those (SS-4), so
    /// this may freeze anywhere and go on at any later time.
    pub(super) async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        self.check_won(entry).await?;
        let pinned: BTreeSet<_> = self
            .pins()
            .await?
            .into_iter()
            .map(|pin| pin.snapshot)
            .collect();
        let attested = self.listed_names("attestations").await?;
        let manifests = self.listed_names("manifests").await?;
        let kept = self.kept(entry, &pinned).await?;
        let dead = self.dead_parts(entry.oldest_upload, &kept.parts).await?;
        // In a bucket that was emptied and claimed anew meanwhile the uploads are numbered anew. What was listed before is
        // not named as anything there.
        self.check_won(entry).await?;
        let mut deleted = 0;
        for id in manifests.difference(&kept.snapshots) {
            if self.is_dead(id, entry, &kept.parts).await? {
                deleted += u64::from(self.objects.delete(&self.layout.manifest(id)).await?);
                deleted += u64::from(self.objects.delete(&self.layout.attestation(id)).await?);
            }
        }
        for id in attested.difference(&manifests) {
            deleted += u64::from(self.objects.delete(&self.layout.attestation(id)).await?);
        }
        deleted += self.delete_all(dead.parts).await?;
        for upload in dead.uploads {
            deleted += self.objects.sweep(self.layout.upload(&upload)).await?;
        }
        Ok(deleted + self.collect_staged().await?)
    }

    /// Deletes the halves of documents, and the probes, of writers that died long ago. Of one that lives it would only
    /// fail the write.
    async fn collect_staged(&self) -> Result<u64> {
        let before = self.store_clock().await?.saturating_sub(DIED);
        let mut deleted = 0;
        for meta in self.objects.list(&self.layout.folder("probe")).await? {
            if millis(meta.last_modified.timestamp_millis()) < before {
                deleted += u64::from(self.objects.delete(&meta.location).await?);
            }
        }
        let documents = ["manifests", "attestations", "catalog", "probe"];
        let mut folders = Vec::from(documents.map(|name| self.layout.folder(name)));
        folders.push(self.layout.cluster().clone());
        let pins = self.layout.folder("pins");
        let pinned = self.objects.folders(pins.clone()).await?;
        folders.extend(pinned.into_iter().map(|id| pins.clone().join(id)));
        for folder in folders {
            deleted += self.objects.sweep_old(folder, before).await?;
        }
        Ok(deleted)
    }

    /// What uploads below `oldest` have left, and is not kept.
    async fn dead_parts(&self, oldest: u64, kept: &BTreeSet<PartName>) -> Result<Dead> {
        let mut parts = Vec::new();
        let mut uploads = BTreeMap::<UploadId, bool>::new();
        for meta in self.objects.list(&self.layout.folder("parts")).await? {
            let Some((upload, blake3)) = part_name(&meta.location) else {
                continue;
            };
            if upload.began_on >= oldest {
                continue;
            }
            let stays = kept.contains(&(upload.to_string(), blake3));
            if !stays {
                parts.push(meta.location);
            }
            *uploads.entry(upload).or_default() |= stays;
        }
        if parts.len() > MOST {
            tracing::info!(
                parts = parts.len(),
                "many parts are left of uploads that died: each catalog entry deletes {MOST}"
            );
            parts.truncate(MOST);
        }
        for name in self.objects.folders(self.layout.folder("parts")).await? {
            if let Some(upload) = UploadId::parse(&name).filter(|upload| upload.began_on < oldest) {
                uploads.entry(upload).or_default();
            }
        }
        let uploads = uploads.into_iter().filter(|(_, stays)| !stays);
        Ok(Dead {
            parts,
            uploads: uploads.map(|(upload, _)| upload).collect(),
        })
    }

    /// Deletes several at once; returns how many were there.
    async fn delete_all(&self, names: Vec<Path>) -> Result<u64> {
        let delete = |name: Path| async move { self.objects.delete(&name).await };
        let mut deletes = futures::stream::iter(names)
            .map(delete)
            .buffer_unordered(AT_ONCE);
        let mut deleted = 0;
        while let Some(was_there) = deletes.try_next().await? {
            deleted += u64::from(was_there);
        }
        Ok(deleted)
    }

    /// What the entry lists, and what pins hold as long as it is there.
    async fn kept(&self, entry: &CatalogEntry, pinned: &BTreeSet<SnapshotId>) -> Result<Kept> {
        let listed = entry.snapshots.iter().map(|listed| &listed.id);
        let mut parts = rules::referred(self, listed.clone()).await?;
        let mut snapshots: BTreeSet<_> = listed.cloned().collect();
        for id in pinned {
            if let Some(manifest) = self.readable(id).await? {
                parts.extend(manifest.parts.iter().map(rules::name));
            }
            snapshots.insert(id.clone());
        }
        Ok(Kept { snapshots, parts })
    }

    /// Whether a manifest that is not kept can never be listed any more.
    async fn is_dead(
        &self,
        id: &SnapshotId,
        entry: &CatalogEntry,
        kept: &BTreeSet<PartName>,
    ) -> Result<bool> {
        if entry.retired.contains(id) {
            return Ok(true);
        }
        let Some(manifest) = self.readable(id).await? else {
            return Ok(false);
        };
        Ok(manifest.parts.iter().any(|part| {
            part.upload.began_on < entry.oldest_upload
                && (manifest.is_own(part) || !kept.contains(&rules::name(part)))
        }))
    }

    /// The manifest, if it is there and can be read: nobody restores or lists one that cannot.
    pub(super) async fn readable(&self, id: &SnapshotId) -> Result<Option<Manifest>> {
        match self.manifest(id).await {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Corrupt | ErrorKind::Foreign | ErrorKind::Version
                ) =>
            {
                tracing::warn!(%error, snapshot = %id, "manifest cannot be read");
                Ok(None)
            }
            other => other,
        }
    }

    pub(super) async fn listed_names(&self, folder: &'static str) -> Result<BTreeSet<SnapshotId>> {
        let listed = self.objects.list(&self.layout.folder(folder)).await?;
        let name = |location: &Path| json_stem(location).map(|stem| SnapshotId(stem.to_owned()));
        Ok(listed
            .iter()
            .filter_map(|meta| name(&meta.location))
            .collect())
    }
}

/// What nobody refers to any more.
#[derive(Debug)]
struct Dead {
    parts: Vec<Path>,
    /// Without anything that stays.
    uploads: Vec<UploadId>,
}

/// What must stay.
#[derive(Debug)]
struct Kept {
    snapshots: BTreeSet<SnapshotId>,
    parts: BTreeSet<PartName>,
}
