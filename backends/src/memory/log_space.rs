use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::error::{error, not_initialised};
use super::link::MemoryLink;
use standfast_core::{
    Batch, Bounds, Epoch, ErrorKind, FenceToken, Fingerprint, Position, ReadLimit, Result, Seq,
    Skip,
};

/// The storage that several [`super::MemoryOpLog`] handles share.
#[derive(Clone, Debug, Default)]
pub struct MemoryLogSpace {
    shared: Arc<Shared>,
    link: MemoryLink,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<LogState>,
    changes: watch::Sender<u64>,
}

/// What is in a space. What is here is committed: one lock covers the fence and the batches.
#[derive(Debug, Default)]
pub(super) struct LogState {
    cluster: Option<Fingerprint>,
    fence: Fence,
    /// End of what was trimmed, or where it was begun anew; genesis in a fresh log.
    base: Position,
    batches: VecDeque<Batch>,
    skips: Vec<Skip>,
}

#[derive(Debug, Default)]
struct Fence {
    epoch: Epoch,
    nonce: u128,
    /// Counts `open_writer`: two writers of one token are two, and only the last one writes.
    generation: u64,
    appended: bool,
}

impl MemoryLogSpace {
    /// An empty space of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same space, reached over `link`.
    #[must_use]
    pub fn over(&self, link: &MemoryLink) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            link: link.clone(),
        }
    }

    /// Looks at the state, or changes it and wakes the readers.
    pub(super) fn look<T>(&self, look: impl FnOnce(&LogState) -> Result<T>) -> Result<T> {
        let state = self.shared.state.lock();
        self.link.check()?;
        look(&state)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut LogState) -> Result<T>) -> Result<T> {
        let result = {
            let mut state = self.shared.state.lock();
            self.link.check()?;
            change(&mut state)
        };
        self.shared.changes.send_modify(|n| *n += 1);
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }
}

impl LogState {
    pub(super) fn cluster(&self) -> Option<Fingerprint> {
        self.cluster
    }

    pub(super) fn init(&mut self, cluster: Fingerprint) -> Result<()> {
        match self.cluster {
            None => {
                self.cluster = Some(cluster);
                self.base = Position::genesis(cluster);
                Ok(())
            }
            Some(own) if own == cluster => Ok(()),
            Some(own) => Err(foreign("init", own, cluster)),
        }
    }

    pub(super) fn bounds(&self) -> Result<Bounds> {
        self.cluster.ok_or_else(|| not_initialised("bounds"))?;
        Ok(Bounds {
            floor: self.floor(),
            before_floor: self.base,
            tail: self.tail(),
            epoch: self.fence.epoch,
        })
    }

    /// What the batches take.
    pub(super) fn bytes(&self) -> u64 {
        let frames = self.batches.iter().map(|batch| batch.frame().len() as u64);
        frames.sum()
    }

    pub(super) fn floor(&self) -> Seq {
        self.base.seq.next()
    }

    pub(super) fn tail(&self) -> Position {
        self.batches.back().map_or(self.base, Batch::end)
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.fence.epoch
    }

    /// Shuts lower epochs out; answers the generation that may write.
    pub(super) fn fence(&mut self, token: &FenceToken) -> Result<u64> {
        self.owned_by(token, "open writer")?;
        let again = token.epoch == self.fence.epoch && token.nonce == self.fence.nonce;
        if token.epoch < self.fence.epoch || (token.epoch == self.fence.epoch && !again) {
            return Err(error(ErrorKind::Fenced, "open writer").context(format!(
                "epoch {} is not higher than {}",
                token.epoch, self.fence.epoch
            )));
        }
        if again && self.fence.appended {
            return Err(error(ErrorKind::Fenced, "open writer").context(format!(
                "epoch {} has appended already: reopen under a higher one",
                token.epoch
            )));
        }
        self.fence = Fence {
            epoch: token.epoch,
            nonce: token.nonce,
            generation: self.fence.generation + 1,
            appended: false,
        };
        Ok(self.fence.generation)
    }

    /// Lets `token` in and begins anew behind `position`.
    pub(super) fn begin_at(&mut self, token: &FenceToken, position: Position) -> Result<()> {
        self.fence(token)?;
        self.batches.clear();
        self.base = position;
        Ok(())
    }

    /// Lets `token` in and records that an entry is passed over.
    pub(super) fn skip(&mut self, token: &FenceToken, skip: &Skip) -> Result<()> {
        self.fence(token)?;
        if !self.skips.contains(skip) {
            self.skips.push(skip.clone());
        }
        Ok(())
    }

    pub(super) fn skips(&self) -> &[Skip] {
        &self.skips
    }

    /// Whether `generation` may still write.
    pub(super) fn check(&self, generation: u64, operation: &'static str) -> Result<()> {
        if generation == self.fence.generation {
            return Ok(());
        }
        Err(error(ErrorKind::Fenced, operation)
            .context(format!("epoch {} was let in", self.fence.epoch)))
    }

    pub(super) fn push(&mut self, batch: Batch) {
        self.fence.appended = true;
        self.batches.push_back(batch);
    }

    /// Batches after `after`.
    pub(super) fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let next = self.index_after(after)?;
        let mut bytes = 0;
        let fits = |batch: &&Batch| {
            let first = bytes == 0;
            bytes += batch.frame().len();
            first || bytes <= limit.bytes
        };
        Ok(self
            .batches
            .iter()
            .skip(next)
            .take(limit.batches.max(1))
            .take_while(fits)
            .cloned()
            .collect())
    }

    /// Index of the batch that follows `after`; proves that `after` lies in this history (OL-7).
    pub(super) fn index_after(&self, after: Position) -> Result<usize> {
        self.cluster.ok_or_else(|| not_initialised("read"))?;
        if after.seq < self.base.seq {
            let floor = self.floor();
            return Err(error(ErrorKind::Trimmed { floor }, "read")
                .context(format!("asked for what follows {after}")));
        }
        let next = self
            .batches
            .partition_point(|batch| batch.last() <= after.seq);
        let here = match next.checked_sub(1) {
            None => self.base,
            Some(index) => self.batches.get(index).map_or(self.base, Batch::end),
        };
        if here == after {
            return Ok(next);
        }
        Err(error(ErrorKind::LogRegressed, "read").context(format!(
            "{after} is not in this log: it has {here} there and ends at {}",
            self.tail()
        )))
    }

    /// Removes batches that end at or below `through`, never the last one.
    pub(super) fn trim(&mut self, through: Seq) {
        while self.batches.len() > 1
            && let Some(first) = self.batches.front()
            && first.last() <= through
        {
            self.base = first.end();
            self.batches.pop_front();
        }
    }

    /// Whether `token` is of this cluster.
    pub(super) fn owned_by(&self, token: &FenceToken, operation: &'static str) -> Result<()> {
        let own = self.cluster.ok_or_else(|| not_initialised(operation))?;
        if own == token.cluster {
            return Ok(());
        }
        Err(foreign(operation, own, token.cluster))
    }

    /// Whether `token` holds the fence.
    pub(super) fn held_by(&self, token: &FenceToken, operation: &'static str) -> Result<()> {
        self.owned_by(token, operation)?;
        if token.epoch == self.fence.epoch && token.nonce == self.fence.nonce {
            return Ok(());
        }
        Err(error(ErrorKind::Fenced, operation).context(format!(
            "epoch {} holds the log, not {}",
            self.fence.epoch, token.epoch
        )))
    }
}

fn foreign(operation: &'static str, own: Fingerprint, other: Fingerprint) -> standfast_core::Error {
    error(ErrorKind::Foreign, operation).context(format!(
        "the space belongs to the cluster with fingerprint {own}, this is {other}"
    ))
}
