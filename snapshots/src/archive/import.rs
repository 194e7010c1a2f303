use std::sync::Arc;

use standfast_core::{
    Error, ErrorKind, FenceToken, MachineRestore, Manifest, PartRef, Result, Section, SnapshotId,
    SnapshotStore,
};

use super::header::corrupt;
use super::open::Archive;
use crate::catalog::begin_catalog;
use crate::publish::Publisher;

/// Puts an archive into a store whose catalog is empty: uploads it, reads it back and proves it, and wins catalog entry 1,
/// which lists it. It gets a name of its own; the manifest returned has it. `part_done` is told after each part.
///
/// # Errors
/// `AlreadyExists` when the catalog is not empty; `Corrupt` naming the part, or with both digests; `Version` when this
/// program cannot read the rows; `Fenced`; those of the store.
///
/// # Durability
/// Parts, manifest and entry are durable on `Ok`.
///
/// # Cancel safety
/// Cancel safe: parts and a manifest may stay, and an entry may have been won.
pub async fn import(
    archive: &Arc<Archive>,
    publisher: &Publisher,
    token: FenceToken,
    empty: impl Fn() -> MachineRestore + Send + Sync,
    part_done: impl Fn() + Send + Sync,
) -> Result<Manifest> {
    let store = publisher.store();
    if let Some(entry) = store.newest().await? {
        return Err(
            Error::new(ErrorKind::AlreadyExists, "import").context(format!(
                "the catalog has entry {} by {}: import into an empty bucket",
                entry.number, entry.writer
            )),
        );
    }
    empty().check(&archive.header().manifest)?;
    let manifest = upload(archive, &**store, part_done).await?;
    begin_catalog(publisher, token, &manifest, empty).await?;
    Ok(manifest)
}

/// Uploads all parts and proposes the manifest, under the names of this upload: no part name is ever used twice.
async fn upload(
    archive: &Arc<Archive>,
    store: &dyn SnapshotStore,
    part_done: impl Fn() + Send + Sync,
) -> Result<Manifest> {
    let mut manifest = archive.header().manifest.clone();
    let upload = store.begin().await?;
    for (index, part) in manifest.parts.iter_mut().enumerate() {
        let bytes = archive.read(index).await?;
        *part = upload.put_part(bytes, part.rows, sections(part)?).await?;
        part_done();
    }
    manifest.id = SnapshotId::new(manifest.position.seq, upload.id().random);
    if let Some(own) = manifest.layers.first_mut() {
        own.id = manifest.id.clone();
    }
    store.propose(&manifest).await?;
    Ok(manifest)
}

fn sections(part: &PartRef) -> Result<(Section, Section)> {
    let first = Section::from_number(part.first_section);
    let last = Section::from_number(part.last_section);
    first.zip(last).ok_or_else(|| {
        corrupt(format!(
            "its header says of part {} that it holds sections {} to {}",
            part.blake3, part.first_section, part.last_section
        ))
    })
}
