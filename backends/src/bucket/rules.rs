//! What a catalog entry must be to follow the one before (SS-4). The leader is asked to do it right; the store
//! makes sure.

use std::collections::BTreeSet;
use std::fmt;

use standfast_core::{
    CATALOG_FORMAT, CatalogEntry, Error, ErrorKind, FenceToken, Listed, Manifest, PartRef, Result,
    SnapshotId,
};

use super::error::fail;
use super::space::BucketSpace;

/// The entry must be the token holder's own.
pub(super) fn check_own(token: &FenceToken, next: &CatalogEntry) -> Result<()> {
    let own = next.format == CATALOG_FORMAT
        && next.cluster == token.cluster
        && next.epoch == token.epoch
        && next.writer == token.holder
        && next.number > 0
        && !next.nonce.is_empty();
    if own {
        return Ok(());
    }
    Err(invalid(
        next,
        format!("it is not one of {} in epoch {}", token.holder, token.epoch),
    ))
}

/// The entry must follow from its base.
pub(super) async fn check_successor(
    space: &BucketSpace,
    base: Option<&CatalogEntry>,
    next: &CatalogEntry,
) -> Result<()> {
    let before = base.map_or(&[][..], |base| &base.snapshots);
    let oldest = base.map_or(0, |base| base.oldest_upload);
    check_lists(before, oldest, next)?;
    let old: BTreeSet<_> = before.iter().map(|listed| &listed.id).collect();
    for listed in next.snapshots.iter().filter(|l| !old.contains(&l.id)) {
        check_added(space, before, oldest, (next, listed)).await?;
    }
    for id in &next.retired {
        check_retired(space, next, id).await?;
    }
    Ok(())
}

fn check_lists(before: &[Listed], oldest: u64, next: &CatalogEntry) -> Result<()> {
    if next.oldest_upload < oldest || next.oldest_upload > next.number {
        return Err(invalid(
            next,
            format!(
                "oldest_upload is {}, want {oldest} to {}",
                next.oldest_upload, next.number
            ),
        ));
    }
    let ordered = next
        .snapshots
        .is_sorted_by(|a, b| a.position.seq <= b.position.seq && a.id < b.id);
    if !ordered {
        return Err(invalid(next, "snapshots are not listed oldest first"));
    }
    for listed in before {
        let stays = next.find(&listed.id);
        let goes = next.retired.contains(&listed.id);
        let same = stays.is_none_or(|now| {
            let now = Listed {
                verified: listed.verified,
                ..now.clone()
            };
            now == *listed
        });
        if stays.is_some() == goes || !same {
            return Err(invalid(
                next,
                format!(
                    "snapshot {} neither stays as it was nor is retired",
                    listed.id
                ),
            ));
        }
    }
    let known = |id: &SnapshotId| before.iter().any(|listed| listed.id == *id);
    match next.retired.iter().find(|id| !known(id)) {
        Some(id) => Err(invalid(
            next,
            format!("it retires {id}, which was not listed"),
        )),
        None => Ok(()),
    }
}

/// Its own upload's parts are not revoked, the others neither, or they are those of a snapshot listed in the base.
async fn check_added(
    space: &BucketSpace,
    before: &[Listed],
    oldest: u64,
    (next, listed): (&CatalogEntry, &Listed),
) -> Result<()> {
    let manifest = space
        .manifest(&listed.id)
        .await?
        .ok_or_else(|| invalid(next, format!("snapshot {} has no manifest", listed.id)))?;
    if manifest.position != listed.position
        || manifest.digest != listed.digest
        || (manifest.bytes(), manifest.rows()) != (listed.bytes, listed.rows)
    {
        return Err(invalid(
            next,
            format!(
                "snapshot {} is listed as its manifest does not say",
                listed.id
            ),
        ));
    }
    let old = older(&manifest, oldest);
    if old.is_empty() {
        return Ok(());
    }
    let mut live = BTreeSet::new();
    for listed in before {
        // One that is damaged gives nothing to be used again, and is no reason to list no other.
        let manifest = space.readable(&listed.id).await?;
        live.extend(
            manifest
                .iter()
                .flat_map(|manifest| &manifest.parts)
                .map(name),
        );
    }
    let lost = |part: &&&PartRef| manifest.is_own(part) || !live.contains(&name(part));
    match old.iter().find(lost) {
        Some(part) => Err(invalid(
            next,
            format!(
                "snapshot {} needs part {} of upload {}, which was revoked: uploads begin at {oldest}",
                listed.id, part.blake3, part.upload
            ),
        )),
        None => Ok(()),
    }
}

/// What is retired must never be listed again: its parts are of revoked uploads, or still referred to. A
/// manifest that cannot be read cannot be listed again either.
async fn check_retired(space: &BucketSpace, next: &CatalogEntry, id: &SnapshotId) -> Result<()> {
    let Some(manifest) = space.readable(id).await? else {
        return Ok(());
    };
    let revoked = older(&manifest, next.oldest_upload);
    if revoked.len() == manifest.parts.len() {
        return Ok(());
    }
    let live = referred(space, next.snapshots.iter().map(|listed| &listed.id)).await?;
    let left = manifest
        .parts
        .iter()
        .find(|part| part.upload.began_on >= next.oldest_upload && !live.contains(&name(part)));
    match left {
        Some(part) => Err(invalid(
            next,
            format!(
                "it retires {id} of upload {}, so oldest_upload must be above {}, it is {}",
                part.upload, part.upload.began_on, next.oldest_upload
            ),
        )),
        None => Ok(()),
    }
}

/// A part's whole name.
pub(super) type PartName = (String, String);

/// A part's whole name.
pub(super) fn name(part: &PartRef) -> PartName {
    (part.upload.to_string(), part.blake3.clone())
}

/// The parts of uploads that began below `oldest`.
fn older(manifest: &Manifest, oldest: u64) -> Vec<&PartRef> {
    manifest
        .parts
        .iter()
        .filter(|part| part.upload.began_on < oldest)
        .collect()
}

/// The parts that snapshots refer to; their manifests must be readable.
pub(super) async fn referred(
    space: &BucketSpace,
    ids: impl Iterator<Item = &SnapshotId> + Send,
) -> Result<BTreeSet<PartName>> {
    let mut parts = BTreeSet::new();
    for id in ids {
        let manifest = space.manifest(id).await?.ok_or_else(|| {
            fail(
                ErrorKind::Corrupt,
                "read manifest",
                format!("the manifest of snapshot {id} is missing"),
            )
        })?;
        parts.extend(manifest.parts.iter().map(name));
    }
    Ok(parts)
}

fn invalid(next: &CatalogEntry, why: impl fmt::Display) -> Error {
    fail(
        ErrorKind::Invalid,
        "win catalog entry",
        format!("entry {}: {why}", next.number),
    )
}
