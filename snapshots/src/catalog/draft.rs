use std::collections::BTreeSet;

use standfast_core::{
    CATALOG_FORMAT, CatalogEntry, Epoch, Fingerprint, Listed, Manifest, PartRef, Result, Seq,
    SnapshotId, SnapshotStore,
};

use super::retention;
use super::trim::relied_on;
use crate::policy::SnapshotPolicy;
use crate::restore::is_damage;

/// The next catalog entry, as it grows out of the newest one.
#[derive(Debug)]
pub(super) struct Draft {
    /// What the newest one lists.
    before: BTreeSet<SnapshotId>,
    pub(super) snapshots: Vec<Listed>,
    pub(super) retired: Vec<Listed>,
    pub(super) oldest_upload: u64,
    pub(super) changed: bool,
    pub(super) base_number: u64,
    /// The term that the base calls complete.
    complete_of: Option<Epoch>,
}

impl Draft {
    pub(super) fn on(base: Option<&CatalogEntry>) -> Self {
        let listed = base.map_or(&[][..], |base| &base.snapshots);
        Self {
            before: listed.iter().map(|listed| listed.id.clone()).collect(),
            snapshots: listed.to_vec(),
            retired: Vec::new(),
            oldest_upload: base.map_or(0, |base| base.oldest_upload),
            changed: false,
            base_number: base.map_or(0, |base| base.number),
            complete_of: base.filter(|base| base.complete).map(|base| base.epoch),
        }
    }

    /// Where the newest snapshot listed stands.
    pub(super) fn newest_seq(&self) -> Option<Seq> {
        self.snapshots.last().map(|listed| listed.position.seq)
    }

    /// Whether a proposal's own upload was revoked, or one of a part that it needs and no snapshot listed refers to (SS-4).
    pub(super) async fn is_revoked(
        &self,
        store: &dyn SnapshotStore,
        manifest: &Manifest,
    ) -> Result<bool> {
        let revoked = |part: &&PartRef| part.upload.began_on < self.oldest_upload;
        let mut missing: Vec<_> = manifest.parts.iter().filter(revoked).collect();
        if missing.iter().any(|part| manifest.is_own(part)) {
            return Ok(true);
        }
        for id in &self.before {
            if missing.is_empty() {
                break;
            }
            match store.open(id).await {
                Ok(reader) => missing.retain(|part| !reader.manifest().parts.contains(part)),
                Err(error) if !is_damage(&error) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, snapshot = %id, "a listed snapshot is damaged");
                }
            }
        }
        Ok(!missing.is_empty())
    }

    /// Lists a proposal.
    pub(super) fn add(&mut self, manifest: &Manifest) {
        self.snapshots.push(Listed {
            id: manifest.id.clone(),
            position: manifest.position,
            digest: manifest.digest,
            verified: false,
            created_ms: manifest.created_ms,
            bytes: manifest.bytes(),
            rows: manifest.rows(),
        });
        // Twins stand at the same place: their names decide.
        self.snapshots.sort_by(|a, b| a.id.cmp(&b.id));
        self.changed = true;
    }

    /// Marks what was attested with the digest that is listed. What is wrong with an attestation is told once, and
    /// remembered in `told`.
    pub(super) async fn verify(
        &mut self,
        store: &dyn SnapshotStore,
        told: &mut BTreeSet<SnapshotId>,
    ) -> Result<()> {
        for listed in self.snapshots.iter_mut().filter(|listed| !listed.verified) {
            let why = match store.attested(&listed.id).await {
                Ok(None) => continue,
                Ok(Some(own)) if own.digest == listed.digest && own.snapshot == listed.id => {
                    listed.verified = true;
                    self.changed = true;
                    continue;
                }
                Ok(Some(other)) => format!("attested with digest {}", other.digest),
                Err(error) if error.retry() => return Err(error),
                Err(error) => error.to_string(),
            };
            if told.insert(listed.id.clone()) {
                tracing::warn!(snapshot = %listed.id, why, "the snapshot stays unverified");
            }
        }
        Ok(())
    }

    /// Takes out what is neither kept nor relied on by a trim, and revokes the uploads it came from: it can never be
    /// listed again, so it may be deleted at any later time.
    pub(super) async fn retire(
        &mut self,
        store: &dyn SnapshotStore,
        policy: &SnapshotPolicy,
    ) -> Result<()> {
        let mut goes = retention::retired(&self.snapshots, policy);
        if goes.is_empty() {
            return Ok(());
        }
        let relied_on = relied_on(store, &self.snapshots, policy.min_verified).await?;
        for listed in relied_on.snapshots {
            goes.remove(&listed.id);
        }
        let snapshots = std::mem::take(&mut self.snapshots).into_iter();
        (self.retired, self.snapshots) = snapshots.partition(|listed| goes.contains(&listed.id));
        // What this draft itself added was never listed: there is nothing to retire.
        self.retired.retain(|gone| self.before.contains(&gone.id));
        self.revoke_retired(store).await
    }

    /// Takes out what is newer than `restored`; everything when it is `None`.
    pub(super) async fn abandon_newer(
        &mut self,
        store: &dyn SnapshotStore,
        restored: Option<&SnapshotId>,
    ) -> Result<()> {
        let kept = self
            .snapshots
            .iter()
            .position(|listed| Some(&listed.id) == restored);
        self.retired = self.snapshots.split_off(kept.map_or(0, |kept| kept + 1));
        self.revoke_retired(store).await
    }

    /// What goes can never be listed again.
    async fn revoke_retired(&mut self, store: &dyn SnapshotStore) -> Result<()> {
        for gone in &self.retired {
            let began_on = match store.open(&gone.id).await {
                Ok(reader) => newest_upload(reader.manifest()),
                Err(error) if !is_damage(&error) => return Err(error),
                // Damaged: it cannot be listed again either.
                Err(_) => None,
            };
            if let Some(began_on) = began_on {
                self.oldest_upload = self.oldest_upload.max(began_on + 1);
            }
            self.changed = true;
        }
        Ok(())
    }

    /// Revokes uploads that began before entry `number` became the newest. Only together with another change: each
    /// snapshot brings one.
    pub(super) fn revoke_before(&mut self, number: u64) {
        if self.changed {
            self.oldest_upload = self.oldest_upload.max(number);
        }
    }

    pub(super) fn into_entry(self, author: Author) -> CatalogEntry {
        CatalogEntry {
            format: CATALOG_FORMAT,
            cluster: author.cluster,
            number: self.base_number + 1,
            previous: String::new(),
            epoch: author.epoch,
            writer: author.writer,
            nonce: author.nonce,
            oldest_upload: self.oldest_upload,
            snapshots: self.snapshots,
            retired: self.retired.into_iter().map(|gone| gone.id).collect(),
            complete: self.complete_of == Some(author.epoch),
        }
    }
}

/// Who writes an entry.
#[derive(Debug)]
pub(super) struct Author {
    pub(super) cluster: Fingerprint,
    pub(super) epoch: Epoch,
    pub(super) writer: standfast_core::NodeId,
    pub(super) nonce: String,
}

fn newest_upload(manifest: &Manifest) -> Option<u64> {
    let began = |part: &PartRef| part.upload.began_on;
    manifest.parts.iter().map(began).max()
}
