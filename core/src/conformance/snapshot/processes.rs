//! Leaders in processes of their own, which are frozen and killed while they publish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::parts::{TakesAnyEntry, ensure_all_whole, ensure_whole, list, proposal, try_win, win};
use super::trial::SnapshotTrial;
use super::twist::SnapshotTwist;
use super::{Snapshots, apart};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::threads::{beside, join};
use crate::error::{ErrorKind, Result};
use crate::snapshot::{CatalogEntry, Manifest, SnapshotStore, Won};
use crate::words::FenceToken;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            h01_a_frozen_process_lists_nothing_after_its_successor,
            ["SS-2", "SS-3", "h01", "h07"],
            needs [apart],
            twin TakesAnyEntry
        ),
        case!(
            h24_what_a_killed_process_listed_is_there_and_whole,
            ["SS-2", "SS-4", "h24"],
            needs [apart],
            twin ListsByWord
        ),
    ]
}

/// How many processes are frozen, or killed, one after the other.
const ROUNDS: u64 = 5;

/// Says that an entry was won, and wins none.
struct ListsByWord;

#[async_trait]
impl SnapshotTwist for ListsByWord {
    async fn win_entry(
        &self,
        _store: &dyn SnapshotStore,
        _token: &FenceToken,
        next: CatalogEntry,
    ) -> Result<Won> {
        Ok(Won::Yes(Box::new(next)))
    }
}

/// What is known of a leader that publishes all the time.
#[derive(Debug, Default)]
struct Progress {
    /// How many of its snapshots are listed.
    listed: AtomicU64,
    /// A successor has won an entry: none that begins now may be won.
    succeeded: AtomicBool,
}

impl Progress {
    /// Waits until as many are listed as the seed and the round say: the next one is under way then.
    async fn under_way(&self, trial: &SnapshotTrial, round: u64, ended: impl Fn() -> bool) {
        let wanted = 1 + (trial.seed().wrapping_add(round)) % 3;
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while self.listed.load(Ordering::Acquire) < wanted && !ended() {
            looks.tick().await;
        }
    }
}

/// Publishes one snapshot after the other and lists each, until something is refused. Tells what was listed, and the kind of
/// the error.
async fn publish_until_refused(
    store: Arc<dyn SnapshotStore>,
    epoch: u64,
    progress: Arc<Progress>,
) -> Outcome<(Vec<Manifest>, ErrorKind)> {
    let mut listed = Vec::new();
    for seq in epoch * 1000.. {
        let manifest = match proposal(&*store, seq).await {
            Ok(manifest) => manifest,
            Err(error) => return Ok((listed, error.kind().clone())),
        };
        let late = progress.succeeded.load(Ordering::Acquire);
        match try_win(&*store, epoch, |entry| list(entry, &manifest)).await {
            Ok(Won::Yes(_)) => {
                ensure!(
                    !late,
                    "{} was listed after a successor's entry",
                    manifest.id
                );
                listed.push(manifest);
                progress.listed.fetch_add(1, Ordering::Release);
            }
            Ok(Won::No) => {}
            Err(error) => return Ok((listed, error.kind().clone())),
        }
    }
    Ok((listed, ErrorKind::Closed))
}

/// Whether the newest entry lists all of them, and all that it lists can be read.
async fn ensure_listed(store: &dyn SnapshotStore, manifests: &[Manifest]) -> Outcome {
    let newest = store.newest().await?;
    for manifest in manifests {
        let id = &manifest.id;
        let found = newest
            .as_ref()
            .is_some_and(|entry| entry.find(id).is_some());
        ensure!(found, "{id} was listed, and is not");
        ensure_whole(store, manifest, "in the end").await?;
    }
    ensure_all_whole(store, "in the end").await
}

async fn h01_a_frozen_process_lists_nothing_after_its_successor(trial: &SnapshotTrial) -> Outcome {
    for round in 0..ROUNDS {
        let place = trial.fresh().await?;
        let (away, process) = place.open_apart().await?;
        let progress = Arc::new(Progress::default());
        let frozen = beside(publish_until_refused(away, 1, Arc::clone(&progress)));
        progress
            .under_way(trial, round, || frozen.is_finished())
            .await;
        process.freeze().await?;
        let store = place.open().await?;
        let newest = proposal(&*store, 5000).await?;
        win(&*store, 2, |entry| list(entry, &newest)).await?;
        progress.succeeded.store(true, Ordering::Release);
        process.thaw().await?;
        let (mut listed, refused) = join(frozen)?;
        let fenced = ErrorKind::Fenced;
        ensure_eq!(refused, fenced, "how the thawed process ended");
        listed.push(newest);
        ensure_listed(&*place.open().await?, &listed).await?;
    }
    Ok(())
}

async fn h24_what_a_killed_process_listed_is_there_and_whole(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let mut listed = Vec::new();
    for round in 0..ROUNDS {
        let (away, process) = place.open_apart().await?;
        let progress = Arc::new(Progress::default());
        let publishes = publish_until_refused(away, round + 1, Arc::clone(&progress));
        let killed = beside(publishes);
        progress
            .under_way(trial, round, || killed.is_finished())
            .await;
        process.kill().await?;
        let (more, refused) = join(killed)?;
        let doubt = ErrorKind::Indeterminate;
        ensure_eq!(refused, doubt, "what a call of a killed process is");
        listed.extend(more);
        ensure_listed(&*place.open().await?, &listed).await?;
    }
    Ok(())
}
