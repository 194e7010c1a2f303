use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    Batch, Compared, Digest, Error, ErrorKind, Position, ReadLimit, Result, Seq, SharedMachine,
    SnapshotId,
};
use standfast_snapshots::{Point, RestorePin};

use super::step::{Step, Tell};
use crate::bootstrap::{Bootstrapped, bootstrap_up_to};
use crate::follow::check;
use crate::sources::Sources;

/// A recovery into a scratch state, from the stores alone and beside nodes that run; its snapshot is held meanwhile.
///
/// What a standby has proves that it followed. That its state could be made again from what is stored is proved by making
/// it again. Up to a [`Point`] it is the state of then.
pub struct Scratch<'a> {
    sources: &'a Sources,
    point: Point,
    tell: Tell,
    state: Bootstrapped,
    found: Recovered,
}

/// What a recovery came to.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The snapshot it began with; `None`: the log from its first entry.
    pub snapshot: Option<SnapshotId>,
    /// Where that stands.
    pub restored: Position,
    /// Where the log ended, or was to end.
    pub reached: Position,
    /// Stamp of the last entry, in milliseconds since 1970.
    pub stamp_ms: u64,
    /// The digest there.
    pub digest: Digest,
    /// Entries replayed.
    pub entries: u64,
    /// Bytes of log replayed.
    pub bytes: u64,
    /// The last entry at which the log carries a digest, and the state had it. `None` where nothing followed the snapshot
    /// that carries one: the state is then as good as the snapshot's own digest.
    pub proven: Option<Seq>,
    /// The batch behind, which was left out; `None` when the log ends there, or was not asked.
    pub left_out: Option<LeftOut>,
    /// How long restoring took.
    pub restoring: Duration,
    /// How long replaying took.
    pub replaying: Duration,
}

/// A batch of which something is later than what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its first entry.
    pub first: Seq,
    /// Its last entry.
    pub last: Seq,
    /// Stamp of its first entry.
    pub stamp_ms: u64,
}

impl<'a> Scratch<'a> {
    /// Restores the newest snapshot that can be restored and is not of later than `point`, in the memory of a state and
    /// of the parts under way.
    ///
    /// # Errors
    /// As [`bootstrap`](crate::bootstrap); `Trimmed` when nothing of before `point` is left; `Cancelled` when `stop` is
    /// ready first, and then no pin stays.
    ///
    /// # Cancel safety
    /// Cancel safe: a pin may stay, and ages.
    pub async fn restore(
        sources: &'a Sources,
        point: Point,
        tell: Tell,
        stop: Pin<&mut (dyn Future<Output = ()> + Send)>,
    ) -> Result<Self> {
        let begun = sources.clock.now();
        let restoring = Arc::clone(&tell);
        let tell_part = move |progress| restoring(Step::Restoring(progress));
        let state = bootstrap_up_to(sources, point, tell_part, stop).await?;
        let found = {
            let machine = state.machine.lock();
            Recovered {
                snapshot: state.snapshot.clone(),
                restored: machine.position(),
                reached: machine.position(),
                stamp_ms: machine.stamp_ms(),
                digest: machine.digest(),
                entries: 0,
                bytes: 0,
                proven: None,
                left_out: None,
                restoring: sources.clock.now().since(begun),
                replaying: Duration::ZERO,
            }
        };
        Ok(Self {
            sources,
            point,
            tell,
            state,
            found,
        })
    }

    /// The state, where it stands by now.
    pub const fn machine(&self) -> &SharedMachine {
        &self.state.machine
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

    /// Replays what the log has by now, up to the point, compares every digest in it, and tells how far it has come.
    ///
    /// # Errors
    /// `Corrupt` when an entry cannot be applied, or gives another digest than the primary's; as
    /// [`read`](standfast_core::OpLogStore::read): `LogRegressed` when what was restored is not in the log, `Trimmed` when
    /// what follows it is no longer there; `NotFound` when the log ends before the entry that was asked for.
    ///
    /// # Cancel safety
    /// Cancel safe: what was replayed is dropped with it.
    pub async fn replay(&mut self) -> Result<Recovered> {
        let begun = self.sources.clock.now();
        // Beside a primary that writes, the end moves.
        let tail = self.sources.oplog.bounds().await?.tail.seq;
        let goal = match self.point {
            Point::Seq(seq) => seq.min(tail),
            Point::Newest | Point::Time(_) => tail,
        };
        let all = goal.since(self.found.restored.seq);
        // At least once: the log says whether what was restored is in it at all.
        while !self.is_there() {
            let read = self.read().await?;
            if read.is_empty() || !self.apply_all(&read).await? {
                break;
            }
            let done = self.found.entries;
            (self.tell)(Step::Replaying { done, all });
            if self.found.reached.seq >= goal {
                break;
            }
        }
        {
            let machine = self.state.machine.lock();
            self.found.digest = machine.digest();
            self.found.stamp_ms = machine.stamp_ms();
        }
        self.found.replaying = self.sources.clock.now().since(begun);
        self.check_reached()?;
        Ok(self.found.clone())
    }

    /// Whether the entry that was asked for is the last: nothing behind it is needed, and it may have been trimmed. Without
    /// a log nothing comes behind a snapshot at all.
    fn is_there(&self) -> bool {
        self.point == Point::Seq(self.found.reached.seq) || !self.sources.log_outlives_term()
    }

    async fn read(&self) -> Result<Vec<Batch>> {
        let reached = self.found.reached;
        let read = self.sources.oplog.read(reached, ReadLimit::default()).await;
        read.map_err(|error| match floor(&error) {
            Some(floor) if self.point != Point::Newest => error.context(format!(
                "the newest snapshot of before that could be restored stands at {reached}, and the log is there from entry \
                 {floor} on: what lies between cannot be made again; `--at-seq {}` takes that snapshot, and `standfast \
                 snapshot list` tells where others stand",
                reached.seq
            )),
            _ => error,
        })
    }

    /// Whether all of them were to be applied.
    async fn apply_all(&mut self, batches: &[Batch]) -> Result<bool> {
        for batch in batches {
            if !self.point.includes(batch)? {
                self.found.left_out = Some(LeftOut {
                    first: batch.first(),
                    last: batch.last(),
                    stamp_ms: batch.first_entry()?.timestamp_ms,
                });
                return Ok(false);
            }
            self.apply(batch)?;
            // A log in files is read without a wait: whoever stops this, and keeps the pin, is to have a turn.
            tokio::task::yield_now().await;
        }
        Ok(true)
    }

    fn apply(&mut self, batch: &Batch) -> Result<()> {
        let applied = self.state.machine.lock().apply_batch(batch)?;
        if let Compared::Equal(seq) = applied.compared {
            self.found.proven = Some(seq);
        }
        check(applied.compared)?;
        self.found.reached = applied.position;
        self.found.entries += batch.len() as u64;
        self.found.bytes += batch.frame().len() as u64;
        Ok(())
    }

    fn check_reached(&self) -> Result<()> {
        let reached = self.found.reached;
        let nothing = self.point != Point::Newest && reached.seq == Seq::ZERO;
        if nothing && let Some(first) = self.found.left_out {
            return Err(Error::new(ErrorKind::NotFound, "recover").context(format!(
                "nothing was there yet: the log begins with entry {}, which is of {} ms after 1970",
                first.first, first.stamp_ms
            )));
        }
        match self.point {
            Point::Seq(seq) if reached.seq < seq && self.found.left_out.is_none() => {
                let ends = if self.sources.log_outlives_term() {
                    format!("the log ends at {reached}")
                } else {
                    format!("without a log there is nothing behind the snapshot at {reached}")
                };
                Err(Error::new(ErrorKind::NotFound, "recover")
                    .context(format!("there is no entry {seq}: {ends}")))
            }
            _ => Ok(()),
        }
    }

    /// Frees its memory, which takes a while, where that holds nobody up.
    pub async fn discard(self) {
        let machine = self.state.machine;
        // A panic on the way is told by itself.
        drop(tokio::task::spawn_blocking(move || drop(machine)).await);
    }

    /// What holds the snapshot, and the log behind it: keep it until the state is no longer needed.
    pub fn take_pin(&mut self) -> Held {
        Held {
            pin: self.state.pin.take(),
            expiry: self.sources.policy.pin_expiry.0,
        }
    }
}

/// Keeps a snapshot, and the log behind it, for as long as something is done.
#[derive(Debug)]
#[must_use = "dropping it leaves the pin in the store, where it ages"]
pub struct Held {
    pin: Option<RestorePin>,
    expiry: Duration,
}

impl Held {
    /// Does something that may take long; then lets go.
    ///
    /// # Cancel safety
    /// Cancel safe: the pin stays, and ages.
    pub async fn around<T>(self, work: impl Future<Output = T>) -> T {
        let Some(pin) = self.pin else {
            return work.await;
        };
        let done = pin.keep(self.expiry, work).await;
        pin.let_go().await;
        done
    }
}

const fn floor(error: &Error) -> Option<Seq> {
    match error.kind() {
        ErrorKind::Trimmed { floor } => Some(*floor),
        _ => None,
    }
}

impl fmt::Debug for Scratch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch")
            .field("point", &self.point)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}
