use std::sync::Arc;

use super::parts::{ensure_whole, list, proposal, retire, try_win, win};
use super::trial::{Place, SnapshotTrial};
use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::threads::{beside, ended, join};
use crate::conformance::wire::Wire;
use crate::error::Result;
use crate::snapshot::{CatalogEntry, Manifest, SnapshotStore, Won};
use crate::words::Seq;

/// A store with one snapshot listed, and a handle over a wire.
pub(super) struct Scene {
    pub(super) place: Place,
    pub(super) old: Manifest,
    pub(super) store: Arc<dyn SnapshotStore>,
    pub(super) wire: Arc<dyn Wire>,
}

impl Scene {
    pub(super) async fn set(trial: &SnapshotTrial) -> Outcome<Self> {
        let place = trial.fresh().await?;
        let first = place.open().await?;
        let old = proposal(&*first, 5).await?;
        win(&*first, 1, |entry| list(entry, &old)).await?;
        let (store, wire) = place.open_wired().await?;
        Ok(Self {
            place,
            old,
            store,
            wire,
        })
    }

    /// Runs `work` and holds it at its call, counted from now on; `meanwhile` takes its turn then. Tells what came of both, `None` when there
    /// was no such call.
    pub(super) async fn hold<T: Send + 'static, M: Send>(
        &self,
        call: u64,
        work: impl Future<Output = Outcome<T>> + Send + 'static,
        meanwhile: impl Future<Output = Outcome<M>> + Send,
    ) -> Outcome<(T, Option<M>)> {
        // Opening the handle may have been calls as well.
        self.wire.hold_at(self.wire.calls() + call);
        let work = beside(work);
        let held = tokio::select! {
            () = self.wire.held() => true,
            () = ended(&work) => false,
        };
        let turn = if held { Some(meanwhile.await) } else { None };
        self.wire.release();
        let done = join(work)?;
        ensure!(
            held || call > 2,
            "{call} calls are all: the wire does not count"
        );
        Ok((done, turn.transpose()?))
    }
}

/// What a leader does: lists a proposal, retires what was before, and collects.
pub(super) async fn lead(
    store: Arc<dyn SnapshotStore>,
    epoch: u64,
    (new, old): (Manifest, Manifest),
) -> Result<Won> {
    let change = |entry: &mut CatalogEntry| {
        list(entry, &new);
        if entry.find(&old.id).is_some() {
            retire(entry, &old);
        }
    };
    let won = try_win(&*store, epoch, change).await?;
    if let Won::Yes(entry) = &won {
        store.collect(entry).await?;
    }
    Ok(won)
}

/// What a leader is to list, and what to retire for it.
pub(super) async fn proposed(scene: &Scene) -> Outcome<(Manifest, Manifest)> {
    let store = scene.place.open().await?;
    Ok((proposal(&*store, 10).await?, scene.old.clone()))
}

/// Pins, looks again, and reads the snapshot if it is still listed (SS-6). Tells whether it relied on it.
pub(super) async fn restore(
    store: Arc<dyn SnapshotStore>,
    snapshot: Manifest,
    when: String,
) -> Outcome<bool> {
    store.pin(&snapshot.id, Seq(5), "reader").await?;
    let newest = store.newest().await?;
    let relies = newest.is_some_and(|entry| entry.find(&snapshot.id).is_some());
    if relies {
        ensure_whole(&*store, &snapshot, &when).await?;
    }
    Ok(relies)
}
