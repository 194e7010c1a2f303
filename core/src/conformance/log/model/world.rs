use std::sync::Arc;

use super::step::Step;
use crate::batch::Batch;
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::log::parts::{
    Guard, append, batch, ensure_contiguous, ensure_refused, epoch_start, send,
};
use crate::conformance::log::racing::drain;
use crate::conformance::log::trial::{Log, LogTrial, outlived};
use crate::conformance::parts::{cluster, token};
use crate::error::ErrorKind;
use crate::oplog::{OpLogStore, OpLogWriter, ReadLimit};
use crate::words::{Epoch, Position, Seq};

/// A log, and what it should be.
pub(super) struct World {
    log: Log,
    store: Arc<dyn OpLogStore>,
    writer: Option<Box<dyn OpLogWriter>>,
    /// Shut out, and still there.
    zombie: Option<Box<dyn OpLogWriter>>,
    epoch: Epoch,
    /// All that was ever acknowledged or settled, from genesis on.
    batches: Vec<Batch>,
    /// How many of them are known committed to everybody.
    marked: usize,
    /// The first entry that must be there.
    floor: Seq,
}

impl World {
    pub(super) async fn new(trial: &LogTrial) -> Outcome<Self> {
        let log = trial.fresh().await?;
        Ok(Self {
            store: log.open().await?,
            log,
            writer: None,
            zombie: None,
            epoch: Epoch::ZERO,
            batches: Vec::new(),
            marked: 0,
            floor: Seq(1),
        })
    }

    pub(super) async fn take(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Promote(above) => self.promote(Epoch(self.epoch.0 + above)).await,
            Step::PromoteTheOld => self.promote_the_old().await,
            Step::Append(sizes) => self.append(sizes).await,
            Step::Mark => self.mark().await,
            Step::AppendLate => self.append_late().await,
            Step::Trim(through, needed) => self.trim(*through, *needed).await,
            Step::Read(after, batches) => self.read(*after, *batches).await,
            Step::Restart => {
                self.writer = None;
                self.zombie = None;
                self.store = self.log.open().await?;
                Ok(())
            }
        }
    }

    fn tail(&self) -> Position {
        self.end(self.batches.len())
    }

    /// Where the first `count` batches end.
    fn end(&self, count: usize) -> Position {
        let last = count.checked_sub(1).and_then(|last| self.batches.get(last));
        last.map_or_else(|| Position::genesis(cluster()), Batch::end)
    }

    fn place(&self, thousandths: u16) -> usize {
        self.batches.len() * usize::from(thousandths) / 1000
    }

    async fn promote(&mut self, epoch: Epoch) -> Outcome {
        if let Some(writer) = self.writer.take() {
            self.zombie = outlived(&*self.store, writer);
        }
        let mut writer = self.store.open_writer(&token(epoch.0)).await?;
        ensure_eq!(writer.tail(), self.tail(), "the tail of a new term");
        let first = self
            .batches
            .partition_point(|batch| batch.first() < self.floor);
        let mut settled = Vec::new();
        drain(&mut *writer, self.end(first), &mut settled).await?;
        let kept = self.batches.get(first..).unwrap_or_default();
        ensure_eq!(
            settled,
            kept,
            "what was settled from floor {} on",
            self.floor
        );
        let start = epoch_start(epoch, writer.tail())?;
        send(&mut *writer, &start).await?;
        self.batches.push(start);
        self.writer = Some(writer);
        self.epoch = epoch;
        Ok(())
    }

    async fn promote_the_old(&mut self) -> Outcome {
        // Where a lock excludes a second writer it says so before it looks at the epoch.
        if self.epoch == Epoch::ZERO || (self.writer.is_some() && self.is_locked()) {
            return Ok(());
        }
        let answer = self.store.open_writer(&token(self.epoch.0)).await;
        ensure_refused(
            answer,
            &ErrorKind::Fenced,
            "a writer of an epoch that has appended",
        )
    }

    fn is_locked(&self) -> bool {
        self.store.capabilities().fencing == crate::oplog::Fencing::Lock
    }

    async fn append(&mut self, sizes: &[usize]) -> Outcome {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let payloads: Vec<_> = sizes.iter().map(|size| vec![7; *size]).collect();
        let payloads: Vec<_> = payloads.iter().map(Vec::as_slice).collect();
        let batch = batch(self.epoch, writer.tail(), &payloads)?;
        let end = send(&mut **writer, &batch).await?;
        ensure_eq!(end, batch.end(), "the Position that append returned");
        self.batches.push(batch);
        Ok(())
    }

    async fn mark(&mut self) -> Outcome {
        if let Some(writer) = &mut self.writer {
            writer.mark_committed().await?;
            self.marked = self.batches.len();
        }
        Ok(())
    }

    async fn append_late(&mut self) -> Outcome {
        if let Some(zombie) = &mut self.zombie {
            let answer = append(&mut **zombie, b"late").await;
            ensure_refused(answer, &ErrorKind::Fenced, "a zombie's append")?;
        }
        Ok(())
    }

    async fn trim(&mut self, through: u16, needed: Option<u16>) -> Outcome {
        if self.writer.is_none() {
            return Ok(());
        }
        let through = self.end(self.place(through)).seq;
        let needed = needed.map(|needed| self.end(self.place(needed)).seq.next());
        let guard = Guard::of(self.epoch.0);
        let guard = match needed {
            None => guard,
            Some(seq) => guard.needs(seq),
        };
        let floor = self.store.trim(through, &guard).await?;
        let highest = through.min(needed.map_or(through, |seq| Seq(seq.0 - 1)));
        ensure!(
            floor >= self.floor && floor <= self.floor.max(highest.next()),
            "trimmed through {through}, entries from {needed:?} on are needed, the floor was {} and is {floor}",
            self.floor
        );
        self.floor = floor;
        Ok(())
    }

    async fn read(&mut self, after: u16, batches: usize) -> Outcome {
        let count = self.place(after);
        let limit = |batches| ReadLimit {
            batches,
            bytes: usize::MAX,
        };
        let store = self.log.open().await?;
        let answer = store.read(self.end(count), limit(batches)).await;
        if self.end(count).seq.next() < self.floor {
            let trimmed = ErrorKind::Trimmed { floor: self.floor };
            return ensure_refused(answer, &trimmed, "reading what was trimmed");
        }
        if count > self.marked {
            // Only its writer knows that this place is committed.
            return Ok(());
        }
        let mut read = answer?;
        let most = self.batches.len().min(count + batches);
        // A slow store may give fewer at a time.
        while let Some(last) = read.last()
            && count + read.len() < self.marked.min(most)
        {
            let more = store.read(last.end(), limit(batches - read.len())).await?;
            ensure!(!more.is_empty(), "nothing is read after {}", last.end());
            read.extend(more);
        }
        let wanted = self
            .batches
            .get(count..count + read.len())
            .unwrap_or_default();
        ensure!(
            count + read.len() <= most && count + read.len() >= self.marked.min(most),
            "{} batches were read after the first {count}; {} are known committed of {}",
            read.len(),
            self.marked,
            self.batches.len()
        );
        ensure_eq!(read, wanted, "what was read");
        Ok(())
    }

    /// The ends of the log, as a handle sees them that remembers nothing.
    pub(super) async fn compare(&mut self) -> Outcome {
        let bounds = self.log.open().await?.bounds().await?;
        ensure_eq!(
            (bounds.floor, bounds.epoch),
            (self.floor, self.epoch),
            "floor and epoch"
        );
        let lowest = self.end(self.marked).seq;
        ensure!(
            bounds.tail.seq >= lowest && bounds.tail.seq <= self.tail().seq,
            "the tail is told as {}, known committed is {lowest}, the end is {}",
            bounds.tail,
            self.tail()
        );
        let before = self
            .batches
            .partition_point(|batch| batch.first() < self.floor);
        ensure_eq!(
            bounds.before_floor,
            self.end(before),
            "the place before the floor"
        );
        ensure_contiguous(&self.batches, Position::genesis(cluster()))?;
        Ok(())
    }
}
