use std::sync::Arc;

use standfast_core::{
    Digest, Error, ErrorKind, FenceToken, MachineRestore, Manifest, Position, Result,
};

use super::{Cataloguer, Lineage, Verdict};
use crate::publish::Publisher;

/// Begins an empty catalog with a snapshot that was proposed: reads it back, proves it, and wins entry 1, which lists it.
///
/// # Errors
/// `Busy` when another won entry 1; `Corrupt` naming the part, or with both digests; `Fenced`; those of the store.
///
/// # Durability
/// The entry is durable on `Ok`.
///
/// # Cancel safety
/// Cancel safe: the entry may have been won.
pub async fn begin_catalog(
    publisher: &Publisher,
    token: FenceToken,
    manifest: &Manifest,
    empty: impl Fn() -> MachineRestore + Send + Sync,
) -> Result<()> {
    publisher.prove(&manifest.id, empty).await?;
    let lineage = Arc::new(OneSnapshot {
        position: manifest.position,
        digest: manifest.digest,
    });
    let policy = publisher.policy().clone();
    let store = Arc::clone(publisher.store());
    let mut cataloguer = Cataloguer::new(store, token, policy, lineage);
    let entry = cataloguer.round().await?.entry;
    if entry.find(&manifest.id).is_some() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Busy, "begin catalog").context(format!(
            "{} won catalog entry {} meanwhile",
            entry.writer, entry.number
        )),
    )
}

/// The history of a cluster that begins with a snapshot: that one, and nothing else.
#[derive(Debug)]
struct OneSnapshot {
    position: Position,
    digest: Digest,
}

impl Lineage for OneSnapshot {
    fn judge(&self, position: Position, digest: Digest) -> Verdict {
        if (position, digest) == (self.position, self.digest) {
            Verdict::Same
        } else {
            Verdict::Other
        }
    }
}
