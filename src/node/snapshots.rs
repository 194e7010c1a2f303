use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    CatalogEntry, Error, ErrorKind, Manifest, Position, Result, Role, Seq, SharedMachine,
    SnapshotStore, TermEndReason,
};
use standfast_master::TermHandle;
use standfast_snapshots::{
    Cataloguer, Committed, MachineLineage, Publisher, SnapshotPolicy, Snapshotter,
};
use tokio::sync::mpsc;
use tokio::time::Interval;

use super::overdue::Overdue;
use super::relief::Relief;
use super::shared::{Catalogued, Shared};
use super::told::Told;

/// Makes snapshots where the node follows or leads alone, and keeps the catalog where it leads. Runs until it is
/// dropped.
///
/// # Cancel safety
/// Cancel safe: an upload in progress is given up and collected one day.
pub(crate) async fn keep(shared: Arc<Shared>) -> Result<()> {
    let Some(store) = shared.sources.snapshots.clone() else {
        return std::future::pending().await;
    };
    let mut roles = shared.role.subscribe();
    loop {
        let role = *roles.borrow_and_update();
        let work = async {
            let now = (role, shared.term(), shared.machine());
            match now {
                (Role::Primary, Some(term), Some(machine)) => {
                    lead(&shared, &store, &term, &machine).await;
                }
                (Role::Standby, _, Some(machine)) => follow(&shared, &store, &machine).await,
                _ => std::future::pending().await,
            }
        };
        // Both arms are cancel safe; the tasks that `work` owns end with it.
        tokio::select! {
            () = work => {}
            changed = roles.changed() => if changed.is_err() {
                return Ok(());
            }
        }
    }
}

fn publisher(shared: &Shared, store: &Arc<dyn SnapshotStore>) -> Publisher {
    let node = shared.sources.candidate.node.clone();
    Publisher::new(Arc::clone(store), node, shared.sources.policy.clone())
}

/// When the leader looks at proposals, and everybody at the catalog.
fn looks(store: &Arc<dyn SnapshotStore>) -> Interval {
    let every = store.capabilities().look_every_ms;
    tokio::time::interval(Duration::from_millis(every.max(1)))
}

#[expect(clippy::infinite_loop, reason = "dropped when the role changes")]
async fn follow(shared: &Shared, store: &Arc<dyn SnapshotStore>, machine: &SharedMachine) {
    // Without a log a standby has no other state than the newest snapshot's.
    let snapshotter = shared.sources.log_outlives_term().then(|| {
        let (publisher, machine) = (publisher(shared, store), Arc::clone(machine));
        Snapshotter::start(publisher, machine, Committed::Already)
    });
    let handle = snapshotter.as_ref().map(Snapshotter::handle);
    shared.snapshotter.send_replace(handle);
    let mut ticks = looks(store);
    let mut told = Told::default();
    loop {
        ticks.tick().await;
        match store.newest().await {
            Ok(entry) => {
                told.well();
                saw(shared, entry.as_ref());
            }
            Err(error) => told.warn("cannot read the catalog", &error),
        }
    }
}

async fn lead(
    shared: &Shared,
    store: &Arc<dyn SnapshotStore>,
    term: &TermHandle,
    machine: &SharedMachine,
) {
    let policy: SnapshotPolicy = shared.sources.policy.clone();
    let mut overdue = Overdue::new(policy.every.0);
    let lineage = Arc::new(MachineLineage::new(Arc::clone(machine), term.committed()));
    let mut cataloguer = Cataloguer::new(Arc::clone(store), term.token().clone(), policy, lineage);
    let mut alone: Option<Snapshotter> = None;
    let mut trimming = Trimming::default();
    let (mut told, mut told_of_collection) = (Told::default(), Told::default());
    let mut relief = Relief::new(shared.sources.policy.min_verified);
    let outlives = shared.sources.log_outlives_term();
    // Nothing comes after a last snapshot that could not be proved: the next one stands where it does.
    cataloguer.list_twins(!outlives);
    let mut ticks = looks(store);
    let (prunes, mut wanted) = mpsc::channel(4);
    shared.prunes.send_replace(Some(prunes));
    shared.snapshotter.send_replace(None);
    loop {
        // All arms are cancel safe: a tick, a request or a wish that was not taken comes again.
        tokio::select! {
            _ = ticks.tick() => {}
            Some(prune) = wanted.recv() => {
                prune.answer(&mut cataloguer).await;
                continue;
            }
            () = shared.listing.notified() => {}
        }
        let is_left_to_others = outlives && !shared.standbys.present().is_empty();
        let is_alone = !is_left_to_others || overdue.is_due(term.committed_position().seq);
        if is_alone && alone.is_none() {
            let committed = Committed::When(term.committed());
            let started =
                Snapshotter::start(publisher(shared, store), Arc::clone(machine), committed);
            shared.snapshotter.send_replace(Some(started.handle()));
            alone = Some(started);
        } else if !is_alone {
            stop_snapshotter(shared, &mut alone).await;
        }
        match cataloguer.round().await {
            Ok(round) => {
                told.well();
                saw(shared, Some(&round.entry));
                overdue.saw(shared.snapshots.borrow().newest);
                match &round.collected {
                    Ok(_) => told_of_collection.well(),
                    Err(error) => {
                        told_of_collection.warn("nothing is deleted from the bucket", error);
                    }
                }
                if !outlives {
                    continue;
                }
                trimming.trim(shared, &mut cataloguer, &round.entry).await;
                if relief.is_due(term, &mut cataloguer).await {
                    stop_snapshotter(shared, &mut alone).await;
                    let publisher = publisher(shared, store);
                    relief.make(publisher, Arc::clone(machine), term).await;
                }
            }
            Err(error) if *error.kind() == ErrorKind::Fenced => {
                tracing::warn!(%error, "a later term keeps the catalog");
                if !outlives {
                    term.stop(TermEndReason::Fenced(error));
                }
                return std::future::pending().await;
            }
            Err(error) => told.warn("the catalog was not kept up to date", &error),
        }
    }
}

async fn stop_snapshotter(shared: &Shared, running: &mut Option<Snapshotter>) {
    if let Some(snapshotter) = running.take() {
        shared.snapshotter.send_replace(None);
        snapshotter.shutdown().await;
    }
}

/// Trims the log behind what can be restored, and never ahead of a standby that is there.
#[derive(Default)]
struct Trimming {
    done: Seq,
    told: Told,
}

impl Trimming {
    async fn trim(&mut self, shared: &Shared, cataloguer: &mut Cataloguer, entry: &CatalogEntry) {
        match self.try_trim(shared, cataloguer, entry).await {
            Ok(floor) => {
                self.told.well();
                floor.into_iter().for_each(publish_floor);
            }
            Err(error) => {
                metrics::counter!("standfast_trim_failures_total").increment(1);
                self.told.warn("the log was not trimmed", &error);
            }
        }
    }

    async fn try_trim(
        &mut self,
        shared: &Shared,
        cataloguer: &mut Cataloguer,
        entry: &CatalogEntry,
    ) -> Result<Option<Seq>> {
        let Some(through) = cataloguer.trim_through(entry, self.done).await? else {
            return Ok(None);
        };
        let through = not_ahead_of(shared.standbys.present().values(), through);
        if through <= self.done {
            return Ok(None);
        }
        let guard = cataloguer.guard();
        let floor = shared.sources.oplog.trim(through, &guard).await?;
        if !guard.has_held(through) {
            self.done = through;
        }
        Ok(Some(floor))
    }
}

/// Up to `through`, and no further than the slowest standby has applied.
fn not_ahead_of<'a>(standbys: impl Iterator<Item = &'a Position>, through: Seq) -> Seq {
    let slowest = standbys.map(|position| position.seq).min();
    slowest.map_or(through, |slowest| slowest.min(through))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn publish_floor(floor: Seq) {
    metrics::gauge!("standfast_oplog_floor_seq").set(floor.0 as f64);
}

fn saw(shared: &Shared, entry: Option<&CatalogEntry>) {
    *shared.catalog_read.lock() = shared.clock.now();
    let newest = entry.and_then(CatalogEntry::newest);
    let listed = entry.map_or(&[][..], |entry| &entry.snapshots);
    let verified = listed.iter().rev().find(|listed| listed.verified);
    let now = Catalogued {
        newest: newest.map(|listed| listed.position).unwrap_or_default(),
        created_ms: newest.map_or(0, |listed| listed.created_ms),
        verified: verified.map(|listed| listed.position).unwrap_or_default(),
    };
    shared.snapshots.send_if_modified(|seen| {
        let changed = *seen != now;
        *seen = now;
        changed
    });
}

/// Makes a snapshot now: by the running snapshotter, or, on a primary that leaves them to its standbys, by one of
/// its own.
///
/// # Errors
/// `Config` when the mode has no snapshots; `NotPrimary` on a standby of mode `snapshot`; `Unavailable` while the node
/// neither follows nor leads; as publishing.
///
/// # Cancel safety
/// Cancel safe: the snapshot may be made all the same.
pub(crate) async fn create(shared: &Shared) -> Result<Manifest> {
    let Some(store) = &shared.sources.snapshots else {
        return Err(Error::new(ErrorKind::Config, "create snapshot")
            .context("[recovery] mode = \"log\" has no snapshots: set mode = \"hybrid\""));
    };
    let running = shared.snapshotter.borrow().clone();
    let now = (shared.term(), running, shared.machine());
    match now {
        (_, Some(running), _) => running.create().await,
        (Some(term), None, Some(machine)) => {
            let committed = Committed::When(term.committed());
            let own = Snapshotter::start(publisher(shared, store), machine, committed);
            let made = own.handle().create().await;
            own.shutdown().await;
            made
        }
        _ if !shared.sources.log_outlives_term() => {
            let address = shared.primary_endpoint();
            Err(
                Error::new(ErrorKind::NotPrimary { address }, "create snapshot")
                    .context("without a log only the primary has anything to make a snapshot of"),
            )
        }
        _ => Err(Error::new(ErrorKind::Unavailable, "create snapshot")
            .context("this node neither follows nor leads yet: try again in a moment")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_standby_that_is_there_holds_the_trim() {
        let at = |seq| Position {
            seq: Seq(seq),
            ..Position::default()
        };
        let (slow, fast) = (at(5), at(90));
        let through = |standbys: &[Position]| not_ahead_of(standbys.iter(), Seq(40));
        assert_eq!(through(&[fast, slow]), Seq(5));
        assert_eq!(through(&[fast]), Seq(40), "never beyond the snapshots");
        assert_eq!(through(&[]), Seq(40), "nobody waits for one that is away");
    }
}
