use std::collections::HashSet;

use standfast_core::{Bounds, Epoch, OpLogStore, Position, ReadLimit, Seq, Skip, Store};

use crate::words::cluster;

/// What a log has acknowledged, and what it has to keep whatever happens.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    pub(super) initialised: bool,
    /// The ends of batches.
    pub(super) ends: Vec<Position>,
    pub(super) epoch: Epoch,
    /// It was asked to trim up to here.
    pub(super) trimmed: Seq,
    pub(super) skips: Vec<Skip>,
    /// It begins here.
    pub(super) begun: Position,
    /// It was asked to begin here, and may have done so.
    pub(super) maybe_begun: Option<Position>,
}

impl Promises {
    /// Compares them with the log.
    pub(super) async fn check(&self, log: &dyn OpLogStore) {
        if !self.initialised {
            return;
        }
        let found = Store::fingerprint(log).await.unwrap();
        assert_eq!(found, Some(cluster()), "initialised");
        let bounds = log.bounds().await.unwrap();
        assert!(bounds.epoch >= self.epoch, "{bounds:?} {self:?}");
        let skips = log.skips().await.unwrap();
        for skip in &self.skips {
            assert!(skips.contains(skip), "{skip:?} was recorded");
        }
        self.check_entries(log, &bounds).await;
    }

    async fn check_entries(&self, log: &dyn OpLogStore, bounds: &Bounds) {
        let maybe_begun = self.maybe_begun.filter(|at| *at == bounds.before_floor);
        let begun = maybe_begun.unwrap_or(self.begun);
        let least = self.trimmed.max(begun.seq).next();
        assert!(
            bounds.floor <= least,
            "{bounds:?}: trimmed too far: {self:?}"
        );
        let found = read_from(log, bounds.before_floor).await;
        for end in self.ends.iter().filter(|end| end.seq >= least) {
            assert!(
                found.contains(end),
                "{end} was acknowledged and is lost: {bounds:?}, {self:?}"
            );
        }
    }
}

/// The ends of all batches after `position`, each following the one before.
async fn read_from(log: &dyn OpLogStore, position: Position) -> HashSet<Position> {
    let mut found = HashSet::new();
    let mut position = position;
    loop {
        let batches = log.read(position, ReadLimit::default()).await.unwrap();
        if batches.is_empty() {
            return found;
        }
        for batch in batches {
            assert!(batch.follows(position), "{position} then {}", batch.end());
            position = batch.end();
            found.insert(position);
        }
    }
}
