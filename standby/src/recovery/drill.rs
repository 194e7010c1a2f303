use std::time::Duration;

use standfast_core::{Compared, Digest, Position, ReadLimit, Result, Seq, SnapshotId};

use crate::bootstrap::{Bootstrapped, bootstrap};
use crate::follow::check;
use crate::sources::Sources;

/// A recovery that is tried out: a scratch state, restored from the stores alone, whose snapshot is held meanwhile.
///
/// What a standby has proves that it followed. That its state could be made again from what is stored is proved by making
/// it again.
#[derive(Debug)]
pub struct Drill<'a> {
    sources: &'a Sources,
    state: Bootstrapped,
    found: Drilled,
}

/// What a drill came to.
#[derive(Clone, Debug)]
pub struct Drilled {
    /// The snapshot it began with; `None`: the log from its first entry.
    pub snapshot: Option<SnapshotId>,
    /// Where that stands.
    pub restored: Position,
    /// Where the log ended.
    pub reached: Position,
    /// The digest there.
    pub digest: Digest,
    /// Entries replayed.
    pub entries: u64,
    /// Bytes of log replayed.
    pub bytes: u64,
    /// The last entry at which the log carries a digest, and the state had it. `None` where nothing followed the snapshot
    /// that carries one: the state is then as good as the snapshot's own digest.
    pub proven: Option<Seq>,
    /// How long restoring took.
    pub restoring: Duration,
    /// How long replaying took.
    pub replaying: Duration,
}

impl<'a> Drill<'a> {
    /// Restores the newest snapshot that can be restored, in the memory of a state and of the parts under way.
    ///
    /// # Errors
    /// As [`bootstrap`].
    ///
    /// # Cancel safety
    /// Cancel safe: a pin may stay, and ages.
    pub async fn restore(sources: &'a Sources) -> Result<Self> {
        let begun = sources.clock.now();
        let state = bootstrap(sources).await?;
        let (restored, digest) = {
            let machine = state.machine.lock();
            (machine.position(), machine.digest())
        };
        let found = Drilled {
            snapshot: state.snapshot.clone(),
            restored,
            reached: restored,
            digest,
            entries: 0,
            bytes: 0,
            proven: None,
            restoring: sources.clock.now().since(begun),
            replaying: Duration::ZERO,
        };
        Ok(Self {
            sources,
            state,
            found,
        })
    }

    /// What is wrong with snapshots that are listed, though an older one, or the log, did in their place.
    pub fn problems(&self) -> Vec<String> {
        let unusable = self.state.unusable.iter().map(ToString::to_string);
        let tried = self.state.passed_over.iter();
        let tried = tried.map(|tried| format!("snapshot {}: {}", tried.snapshot, tried.error));
        unusable.chain(tried).collect()
    }

    /// The newest Position of the catalog: a log that ends before it has lost something.
    pub const fn listed(&self) -> Option<Position> {
        self.state.listed
    }

    /// Replays what the log has by now, compares every digest in it, and tells how far it has come.
    ///
    /// # Errors
    /// `Corrupt` when an entry cannot be applied, or gives another digest than the primary's; as
    /// [`read`](standfast_core::OpLogStore::read): `LogRegressed` when what was restored is not in the log.
    ///
    /// # Cancel safety
    /// Cancel safe: what was replayed is dropped with the drill.
    pub async fn replay(&mut self, mut tell: impl FnMut(u64, u64) + Send) -> Result<Drilled> {
        let begun = self.sources.clock.now();
        // Beside a primary that writes, the end moves.
        let goal = self.sources.oplog.bounds().await?.tail.seq;
        let all = goal.since(self.found.restored.seq);
        // At least once: the log says whether what was restored is in it at all.
        loop {
            let limit = ReadLimit::default();
            let read = self.sources.oplog.read(self.found.reached, limit).await?;
            if read.is_empty() {
                break;
            }
            for batch in &read {
                let mut machine = self.state.machine.lock();
                let applied = machine.apply_batch(batch)?;
                if let Compared::Equal(seq) = applied.compared {
                    self.found.proven = Some(seq);
                }
                check(applied.compared)?;
                self.found.reached = applied.position;
                self.found.digest = machine.digest();
                self.found.entries += batch.len() as u64;
                self.found.bytes += batch.frame().len() as u64;
            }
            tell(self.found.entries, all);
            if self.found.reached.seq >= goal {
                break;
            }
        }
        self.found.replaying = self.sources.clock.now().since(begun);
        Ok(self.found.clone())
    }

    /// Does something that may take long while the snapshot, and the log behind it, are kept; then lets go of them.
    ///
    /// # Errors
    /// Those of `work`; what the store says of letting go.
    ///
    /// # Cancel safety
    /// Cancel safe: the pin stays, and ages.
    pub async fn held<T, E: From<standfast_core::Error>>(
        mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(pin) = self.state.pin.take() else {
            return work(&mut self).await;
        };
        let expiry = self.sources.policy.pin_expiry.0;
        let done = pin.keep(expiry, work(&mut self)).await;
        let released = pin.release().await;
        // What was found comes first: whoever cannot let go of a pin has found all the same.
        let done = done?;
        released?;
        Ok(done)
    }
}
