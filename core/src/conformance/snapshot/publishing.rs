use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::Snapshots;
use super::parts::{ensure_whole, list, proposal, try_win};
use super::trial::SnapshotTrial;
use super::twist::SnapshotTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::threads::{beside, join};
use crate::error::Result;
use crate::snapshot::{Manifest, PartRef, SnapshotStore, SnapshotUpload, Won};
use crate::words::Section;

/// How many snapshots each of two publishers makes.
const ROUNDS: u64 = 5;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![case!(
        h24_of_two_publishers_nobody_harms_the_other,
        ["SS-1", "SS-2", "SS-4", "h24"],
        needs [],
        twin OneNameForTwo::default()
    )]
}

/// Gives every part the name of the first.
#[derive(Default)]
struct OneNameForTwo(Mutex<Option<PartRef>>);

#[async_trait]
impl SnapshotTwist for OneNameForTwo {
    async fn put_part(
        &self,
        upload: &dyn SnapshotUpload,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let part = upload.put_part(bytes, rows, sections).await?;
        Ok(self.0.lock().get_or_insert(part).clone())
    }
}

/// Publishes at the same Seqs as the other, and races for the entries that list it. Tells what was listed.
async fn publish(store: Arc<dyn SnapshotStore>) -> Outcome<Vec<Manifest>> {
    let mut published = Vec::new();
    for seq in 1..=ROUNDS {
        let manifest = proposal(&*store, seq).await?;
        while try_win(&*store, 1, |entry| list(entry, &manifest)).await? == Won::No {}
        published.push(manifest);
    }
    Ok(published)
}

async fn h24_of_two_publishers_nobody_harms_the_other(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let one = beside(publish(place.open().await?));
    let other = beside(publish(place.open().await?));
    let mut published = join(one)?;
    published.extend(join(other)?);
    let store = place.open().await?;
    let newest = store.newest().await?;
    let listed = newest.as_ref().map_or(&[][..], |entry| &entry.snapshots);
    ensure_eq!(listed.len(), published.len(), "how many are listed");
    let parts = published.iter().flat_map(|manifest| &manifest.parts);
    let names: BTreeSet<_> = parts.map(|part| (&part.upload, &part.blake3)).collect();
    ensure_eq!(
        names.len(),
        published.len(),
        "how many names the parts have"
    );
    for manifest in &published {
        let found = listed.iter().any(|listed| listed.id == manifest.id);
        ensure!(found, "{} was listed, and is not", manifest.id);
        ensure_whole(&*store, manifest, "in the end").await?;
    }
    Ok(())
}
