use std::sync::Arc;

use super::Snapshots;
use super::parts::{TakesAnyEntry, after, ensure_all_whole, list, proposal};
use super::trial::{Place, SnapshotTrial};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::token;
use crate::error::{ErrorKind, Result};
use crate::snapshot::{CatalogEntry, Manifest, SnapshotStore, Won};
use crate::words::Epoch;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![case!(
        h05_of_two_leaders_in_any_order_of_their_steps_the_later_stays,
        ["SS-2", "SS-3", "h01", "h05", "h24"],
        needs [],
        twin TakesAnyEntry
    )]
}

/// How many entries a leader wins: one that raises the epoch, one that lists its snapshot.
const ENTRIES: usize = 2;
/// The steps to that, when nobody is in the way: before each entry it looks.
const STEPS: u32 = 4;

/// A leader on its way through the catalog, one step at a time.
struct Leader {
    store: Arc<dyn SnapshotStore>,
    epoch: u64,
    snapshot: Manifest,
    /// What it builds on: the newest entry when it looked.
    seen: Option<CatalogEntry>,
    /// Whether it has looked since it tried last.
    has_looked: bool,
    won: Vec<CatalogEntry>,
    fenced: bool,
}

impl Leader {
    async fn new(place: &Place, epoch: u64) -> Result<Self> {
        let store = place.open().await?;
        Ok(Self {
            snapshot: proposal(&*store, epoch * 10).await?,
            store,
            epoch,
            seen: None,
            has_looked: false,
            won: Vec::new(),
            fenced: false,
        })
    }

    fn is_done(&self) -> bool {
        self.fenced || self.won.len() == ENTRIES
    }

    async fn step(&mut self) -> Outcome {
        if self.is_done() {
            return Ok(());
        }
        if !self.has_looked {
            self.seen = self.store.newest().await?;
            self.has_looked = true;
            return Ok(());
        }
        self.has_looked = false;
        let token = token(self.epoch);
        let mut next = after(self.seen.as_ref(), &token);
        if !self.won.is_empty() {
            list(&mut next, &self.snapshot);
        }
        match self.store.win_entry(&token, next).await {
            Ok(Won::Yes(entry)) => self.won.push(*entry),
            // It looks again.
            Ok(Won::No) => {}
            Err(error) if *error.kind() == ErrorKind::Fenced => self.fenced = true,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// The orders in which two leaders take their steps: a bit is set where the successor takes one.
fn orders() -> impl Iterator<Item = u32> {
    (0..1 << (2 * STEPS)).filter(|order: &u32| order.count_ones() == STEPS)
}

/// Both believe that they lead: the log is fenced for the old one, and the catalog is another store, which has not heard of it.
async fn h05_of_two_leaders_in_any_order_of_their_steps_the_later_stays(
    trial: &SnapshotTrial,
) -> Outcome {
    for order in orders() {
        let place = trial.fresh().await?;
        let mut old = Leader::new(&place, 1).await?;
        let mut successor = Leader::new(&place, 2).await?;
        let mut highest = Epoch::ZERO;
        for step in 0..2 * STEPS {
            if order & (1 << step) == 0 {
                old.step().await?;
            } else {
                successor.step().await?;
            }
            let newest = successor.store.newest().await?;
            let epoch = newest.map_or(Epoch::ZERO, |entry| entry.epoch);
            ensure!(
                epoch >= highest,
                "order {order:08b}: the catalog went from epoch {highest} to {epoch}"
            );
            highest = epoch;
        }
        // Who lost a number looks again, as often as there are entries of the other.
        for _ in 0..STEPS {
            successor.step().await?;
        }
        for _ in 0..STEPS {
            old.step().await?;
        }
        ensure_settled(&place, &old, &successor, &format!("order {order:08b}")).await?;
    }
    Ok(())
}

async fn ensure_settled(place: &Place, old: &Leader, successor: &Leader, when: &str) -> Outcome {
    ensure_eq!(
        successor.won.len(),
        ENTRIES,
        "{when}: the entries of the successor"
    );
    ensure!(old.is_done(), "{when}: the old leader was never told");
    let first = successor.won.first().map_or(0, |entry| entry.number);
    let late = old.won.iter().find(|entry| entry.number > first);
    ensure!(
        late.is_none(),
        "{when}: the old leader won {late:?} on the successor's entry {first}"
    );
    let store = place.open().await?;
    let newest = store.newest().await?;
    ensure_eq!(
        newest.as_ref(),
        successor.won.last(),
        "{when}: the newest entry"
    );
    for leader in [old, successor] {
        let listed = newest
            .as_ref()
            .is_some_and(|entry| entry.find(&leader.snapshot.id).is_some());
        let wanted = leader.won.len() == ENTRIES;
        ensure_eq!(
            listed,
            wanted,
            "{when}: whether {} is listed",
            leader.snapshot.id
        );
    }
    ensure_all_whole(&*store, when).await
}
