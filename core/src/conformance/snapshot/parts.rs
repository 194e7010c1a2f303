use std::fmt::Write as _;

use async_trait::async_trait;

use super::twist::SnapshotTwist;
use crate::batch::Versions;
use crate::conformance::failure::{Failure, Outcome, ensure_eq};
use crate::conformance::parts::{cluster, node, token};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{
    CATALOG_FORMAT, CatalogEntry, Listed, MANIFEST_COMPLETE, Manifest, PartRef, SnapshotId,
    SnapshotStore, UploadId, Won,
};
use crate::words::{Digest, Epoch, FenceToken, Position, Section, Seq};

/// The rows of a snapshot at `seq`, as bytes.
fn rows(seq: u64) -> Vec<u8> {
    format!("rows of {seq}").into_bytes()
}

/// A manifest at `seq`. It is its own upload's when `random` is that upload's.
pub(super) fn manifest(seq: u64, random: u64, parts: Vec<PartRef>) -> Manifest {
    Manifest {
        format: MANIFEST_COMPLETE,
        cluster: cluster(),
        id: SnapshotId::new(Seq(seq), random),
        position: Position {
            epoch: Epoch(1),
            seq: Seq(seq),
            ..Position::default()
        },
        producer: node("standby"),
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

/// A part that nobody ever uploaded.
pub(super) fn unknown_part(began_on: u64, random: u64) -> PartRef {
    PartRef {
        upload: UploadId { began_on, random },
        blake3: "ab".repeat(32),
        size: 11,
        crc32c: 12,
        rows: 13,
        first_section: Section::GLOBALS.number(),
        last_section: Section::GLOBALS.number(),
    }
}

/// Uploads one part.
pub(super) async fn upload(store: &dyn SnapshotStore, seq: u64) -> Result<(UploadId, PartRef)> {
    let upload = store.begin().await?;
    let sections = (Section::GLOBALS, Section::GLOBALS);
    let part = upload.put_part(rows(seq).into(), seq, sections).await?;
    Ok((upload.id().clone(), part))
}

/// Uploads one part and proposes a snapshot of it.
pub(super) async fn proposal(store: &dyn SnapshotStore, seq: u64) -> Result<Manifest> {
    let (upload, part) = upload(store, seq).await?;
    let manifest = manifest(seq, upload.random, vec![part]);
    store.propose(&manifest).await?;
    Ok(manifest)
}

/// The line of a snapshot in a catalog entry.
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

/// Adds a snapshot to the list, where it belongs.
pub(super) fn list(entry: &mut CatalogEntry, manifest: &Manifest) {
    entry.snapshots.push(listed(manifest));
    entry.snapshots.sort_by(|a, b| a.id.cmp(&b.id));
}

/// Takes a snapshot out, as a leader should.
pub(super) fn retire(entry: &mut CatalogEntry, manifest: &Manifest) {
    entry.snapshots.retain(|listed| listed.id != manifest.id);
    entry.retired.push(manifest.id.clone());
    let began = manifest.parts.iter().map(|part| part.upload.began_on);
    entry.oldest_upload = entry.oldest_upload.max(began.max().unwrap_or(0) + 1);
}

/// The entry after `base` that changes nothing.
pub(super) fn after(base: Option<&CatalogEntry>, token: &FenceToken) -> CatalogEntry {
    let mut nonce = String::new();
    write!(nonce, "{:x}", token.nonce).expect("writing to a string");
    CatalogEntry {
        format: CATALOG_FORMAT,
        cluster: cluster(),
        number: base.map_or(1, |base| base.number + 1),
        previous: String::new(),
        epoch: token.epoch,
        writer: token.holder.clone(),
        nonce,
        oldest_upload: base.map_or(0, |base| base.oldest_upload),
        snapshots: base.map_or_else(Vec::new, |base| base.snapshots.clone()),
        complete: false,
        retired: Vec::new(),
    }
}

/// Tries to win the entry after the newest, as `change` makes it, for the leader of `epoch`.
pub(super) async fn try_win(
    store: &dyn SnapshotStore,
    epoch: u64,
    change: impl FnOnce(&mut CatalogEntry) + Send,
) -> Result<Won> {
    let newest = store.newest().await?;
    let mut next = after(newest.as_ref(), &token(epoch));
    change(&mut next);
    store.win_entry(&token(epoch), next).await
}

/// The same where nobody else is there.
pub(super) async fn win(
    store: &dyn SnapshotStore,
    epoch: u64,
    change: impl FnOnce(&mut CatalogEntry) + Send,
) -> Outcome<CatalogEntry> {
    match try_win(store, epoch, change).await? {
        Won::Yes(entry) => Ok(*entry),
        Won::No => Err(Failure::new(
            "an entry was lost though nobody else is there",
        )),
    }
}

/// Ends the case unless the snapshot can be read, every part of it.
pub(super) async fn ensure_whole(
    store: &dyn SnapshotStore,
    manifest: &Manifest,
    when: &str,
) -> Outcome {
    let id = &manifest.id;
    let damaged = |error: Error| Failure::new(format!("{when}: snapshot {id} is damaged: {error}"));
    let reader = store.open(id).await.map_err(damaged)?;
    ensure_eq!(reader.manifest(), manifest, "{when}: the manifest of {id}");
    for part in &manifest.parts {
        let bytes = reader.read_part(part).await.map_err(damaged)?;
        // The rows of a part are the seq that it was made at.
        ensure_eq!(bytes, rows(part.rows), "{when}: a part of {id}");
    }
    store.verify(id).await.map_err(damaged)
}

/// Ends the case unless everything that the newest entry lists can be read.
pub(super) async fn ensure_all_whole(store: &dyn SnapshotStore, when: &str) -> Outcome {
    let newest = store.newest().await?;
    for listed in newest.iter().flat_map(|entry| &entry.snapshots) {
        let damaged =
            |error: Error| Failure::new(format!("{when}: {} is damaged: {error}", listed.id));
        store.verify(&listed.id).await.map_err(damaged)?;
    }
    Ok(())
}

/// Whether the manifest is there.
pub(super) async fn is_there(store: &dyn SnapshotStore, manifest: &Manifest) -> Result<bool> {
    Ok(store.proposals().await?.contains(&manifest.id))
}

/// Takes any entry for a won one.
pub(super) struct TakesAnyEntry;

#[async_trait]
impl SnapshotTwist for TakesAnyEntry {
    async fn win_entry(
        &self,
        store: &dyn SnapshotStore,
        token: &FenceToken,
        next: CatalogEntry,
    ) -> Result<Won> {
        match store.win_entry(token, next.clone()).await {
            Ok(Won::Yes(entry)) => Ok(Won::Yes(entry)),
            Ok(Won::No) => Ok(Won::Yes(Box::new(next))),
            Err(error) => match error.kind() {
                ErrorKind::Fenced | ErrorKind::Invalid => Ok(Won::Yes(Box::new(next))),
                _ => Err(error),
            },
        }
    }
}

/// Deletes what a restore holds.
pub(super) struct CollectsThePinned;

#[async_trait]
impl SnapshotTwist for CollectsThePinned {
    async fn collect(&self, store: &dyn SnapshotStore, entry: &CatalogEntry) -> Result<u64> {
        for pin in store.pins().await? {
            store.unpin(&pin.snapshot, &pin.holder).await?;
        }
        store.collect(entry).await
    }
}

/// Sends an entry twice, and does not know its own the second time.
pub(super) struct ForgetsItsNonce;

#[async_trait]
impl SnapshotTwist for ForgetsItsNonce {
    async fn win_entry(
        &self,
        store: &dyn SnapshotStore,
        token: &FenceToken,
        next: CatalogEntry,
    ) -> Result<Won> {
        store.win_entry(token, next.clone()).await?;
        let mut again = next;
        again.nonce.push_str("-again");
        store.win_entry(token, again).await
    }
}
