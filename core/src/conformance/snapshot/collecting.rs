use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Snapshots;
use super::parts::{CollectsThePinned, ensure_whole, is_there, list, proposal, retire, win};
use super::trial::{Place, SnapshotTrial};
use super::twist::SnapshotTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::ensure_refused;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{CatalogEntry, Manifest, SnapshotId, SnapshotReader, SnapshotStore};
use crate::words::Seq;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            what_is_retired_goes_and_what_is_listed_or_young_stays,
            ["SS-5", "h10", "h24"],
            needs [],
            twin KeepsOnlyTheListed::default()
        ),
        case!(
            h11_what_is_pinned_stays_until_it_is_unpinned,
            ["SS-5", "SS-6", "h11"],
            needs [],
            twin CollectsThePinned
        ),
        case!(
            an_entry_that_was_not_won_collects_nothing,
            ["SS-5", "h07"],
            needs [],
            twin CollectsForAnybody
        ),
        case!(
            h24_a_collection_that_thaws_late_deletes_nothing_newer,
            ["SS-5", "h07", "h24"],
            needs [],
            twin KeepsOnlyTheListed::default()
        ),
    ]
}

/// Deletes whatever the entry it collects for does not list.
#[derive(Default)]
pub(super) struct KeepsOnlyTheListed(Mutex<Option<CatalogEntry>>);

#[async_trait]
impl SnapshotTwist for KeepsOnlyTheListed {
    async fn open(
        &self,
        store: &dyn SnapshotStore,
        id: &SnapshotId,
    ) -> Result<Box<dyn SnapshotReader>> {
        self.check(id)?;
        store.open(id).await
    }

    async fn verify(&self, store: &dyn SnapshotStore, id: &SnapshotId) -> Result<()> {
        self.check(id)?;
        store.verify(id).await
    }

    async fn collect(&self, store: &dyn SnapshotStore, entry: &CatalogEntry) -> Result<u64> {
        let deleted = store.collect(entry).await?;
        *self.0.lock() = Some(entry.clone());
        Ok(deleted)
    }
}

impl KeepsOnlyTheListed {
    fn check(&self, id: &SnapshotId) -> Result<()> {
        let kept = self.0.lock();
        if kept.as_ref().is_some_and(|entry| entry.find(id).is_none()) {
            return Err(Error::new(ErrorKind::NotFound, "open snapshot"));
        }
        Ok(())
    }
}

/// A store with two snapshots listed.
async fn two(trial: &SnapshotTrial) -> Outcome<(Place, Manifest, Manifest)> {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let old = proposal(&*store, 5).await?;
    win(&*store, 1, |entry| list(entry, &old)).await?;
    let new = proposal(&*store, 9).await?;
    win(&*store, 1, |entry| list(entry, &new)).await?;
    Ok((place, old, new))
}

/// Ends the case unless nothing is left of a snapshot. `reader` was opened while it was there.
async fn ensure_gone(
    store: &dyn SnapshotStore,
    manifest: &Manifest,
    reader: &dyn SnapshotReader,
) -> Outcome {
    let id = &manifest.id;
    ensure!(
        !is_there(store, manifest).await?,
        "the manifest of {id} is left"
    );
    for part in &manifest.parts {
        let what = "reading a part that had to be deleted";
        ensure_refused(reader.read_part(part).await, &ErrorKind::Corrupt, what)?;
    }
    ensure_refused(
        store.open(id).await,
        &ErrorKind::NotFound,
        "opening what is gone",
    )
}

async fn what_is_retired_goes_and_what_is_listed_or_young_stays(trial: &SnapshotTrial) -> Outcome {
    let (place, old, new) = two(trial).await?;
    let store = &*place.open().await?;
    let young = proposal(store, 12).await?;
    let reader = store.open(&old.id).await?;
    let entry = win(store, 1, |entry| retire(entry, &old)).await?;
    ensure_whole(store, &old, "before it is collected").await?;
    let deleted = store.collect(&entry).await?;
    ensure!(deleted > 0, "the collection says that it deleted nothing");
    ensure_gone(store, &old, &*reader).await?;
    ensure_eq!(store.collect(&entry).await?, 0, "what is deleted twice");
    let store = &*place.open().await?;
    ensure_whole(store, &new, "after the collection").await?;
    ensure_whole(store, &young, "after the collection").await?;
    let entry = win(store, 1, |entry| list(entry, &young)).await?;
    ensure_eq!(entry.snapshots.len(), 2, "how many are listed");
    Ok(())
}

async fn h11_what_is_pinned_stays_until_it_is_unpinned(trial: &SnapshotTrial) -> Outcome {
    let (place, old, _) = two(trial).await?;
    let store = &*place.open().await?;
    let restorer = place.open().await?;
    ensure_eq!(store.pins().await?, [], "the pins at first");
    for _ in 0..2 {
        restorer.pin(&old.id, Seq(5), "reader").await?;
    }
    restorer.pin(&old.id, Seq(5), "another").await?;
    restorer.unpin(&old.id, "another").await?;
    let pins = store.pins().await?;
    let told = pins.iter();
    let told: Vec<_> = told
        .map(|pin| (&pin.snapshot, pin.seq, &*pin.holder))
        .collect();
    ensure_eq!(told, [(&old.id, Seq(5), "reader")], "the pins");
    let old_pin = pins.iter().any(|pin| pin.age > Duration::from_hours(1));
    ensure!(!old_pin, "a pin that was just made is old: {pins:?}");

    let reader = restorer.open(&old.id).await?;
    let entry = win(store, 1, |entry| retire(entry, &old)).await?;
    store.collect(&entry).await?;
    ensure_whole(store, &old, "while it is pinned").await?;
    for _ in 0..2 {
        restorer.unpin(&old.id, "reader").await?;
    }
    ensure_eq!(store.pins().await?, [], "the pins in the end");
    store.collect(&entry).await?;
    ensure_gone(store, &old, &*reader).await
}

/// Says that it collected, for whoever asks.
struct CollectsForAnybody;

#[async_trait]
impl SnapshotTwist for CollectsForAnybody {
    async fn collect(&self, store: &dyn SnapshotStore, entry: &CatalogEntry) -> Result<u64> {
        Ok(store.collect(entry).await.unwrap_or_default())
    }
}

async fn an_entry_that_was_not_won_collects_nothing(trial: &SnapshotTrial) -> Outcome {
    let (place, old, new) = two(trial).await?;
    let store = &*place.open().await?;
    let newest = store.newest().await?;
    let mut entry = newest.ok_or_else(|| Failure::new("the catalog is empty"))?;
    retire(&mut entry, &old);
    let collected = store.collect(&entry).await;
    ensure_refused(
        collected,
        &ErrorKind::Invalid,
        "collecting for an altered entry",
    )?;
    entry.number += 1;
    let what = "collecting for an entry that is not there";
    ensure_refused(store.collect(&entry).await, &ErrorKind::Corrupt, what)?;
    ensure_whole(store, &old, "in the end").await?;
    ensure_whole(store, &new, "in the end").await
}

async fn h24_a_collection_that_thaws_late_deletes_nothing_newer(trial: &SnapshotTrial) -> Outcome {
    let (place, old, new) = two(trial).await?;
    let store = &*place.open().await?;
    let frozen = win(store, 1, |entry| retire(entry, &old)).await?;
    let newer = proposal(store, 20).await?;
    win(store, 2, |entry| list(entry, &newer)).await?;
    let young = proposal(store, 21).await?;
    place.open().await?.collect(&frozen).await?;
    for manifest in [&new, &newer, &young] {
        ensure_whole(store, manifest, "after the late collection").await?;
    }
    Ok(())
}
