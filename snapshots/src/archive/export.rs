use std::io::Write;

use standfast_core::{ClusterId, Error, ErrorKind, PartRef, Result, SnapshotReader};

use super::header::ArchiveHeader;

/// Writes a snapshot as an archive, and proves each part while it passes; `part_done` is told after each. Returns the bytes
/// written. Pin the snapshot meanwhile.
///
/// # Errors
/// `Corrupt` naming the part; `Quota` when the disk is full; those of the store.
///
/// # Durability
/// None: sync what was written.
///
/// # Cancel safety
/// Cancel safe: an archive that is cut short is refused by whoever reads it.
pub async fn export(
    reader: &dyn SnapshotReader,
    cluster: ClusterId,
    out: &mut (dyn Write + Send),
    part_done: impl Fn() + Send + Sync,
) -> Result<u64> {
    let manifest = reader.manifest().clone();
    manifest.check_layers()?;
    let header = ArchiveHeader { cluster, manifest };
    let first = header.encode()?;
    out.write_all(&first).map_err(unwritable)?;
    for part in &header.manifest.parts {
        let bytes = reader.read_part(part).await?;
        check(&header, part, &bytes)?;
        out.write_all(&bytes).map_err(unwritable)?;
        part_done();
    }
    out.flush().map_err(unwritable)?;
    Ok(first.len() as u64 + header.manifest.bytes())
}

/// The store has compared size and CRC; the archive promises the hash.
fn check(header: &ArchiveHeader, part: &PartRef, bytes: &[u8]) -> Result<()> {
    if blake3::hash(bytes).to_hex().as_str() == part.blake3 && bytes.len() as u64 == part.size {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "export").context(format!(
        "snapshot {}, part {}/{}: its bytes have another hash than its name",
        header.manifest.id, part.upload, part.blake3
    )))
}

fn unwritable(source: std::io::Error) -> Error {
    let kind = match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Quota,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "write archive").source(source)
}
