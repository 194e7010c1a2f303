use std::slice;
use std::sync::Arc;

use async_trait::async_trait;
use rocksdb::{DB, WriteBatch, WriteOptions};

use super::database::{self, meta};
use super::error::{NAME, error};
use super::layout::batch_key;
use super::oplog::capabilities;
use super::options::synced;
use super::records::{CommittedRecord, Single};
use super::space::{Grant, Space};
use super::usage;
use crate::record::encode;
use standfast_core::{
    Batch, Epoch, ErrorKind, OpLogWriter, Position, ReadLimit, Result, Seq, admit,
};

/// After this much a batch carries a mark of what is before it: the next term looks at what came since the last one, which
/// takes some fifty milliseconds then.
const MARK_EVERY: usize = 16 << 20;

/// Appends to the database that it holds the lock of: a batch is one synced write, on the thread of the caller.
///
/// What is synced under the lock is committed: nobody else can write, and whoever takes the lock next finds it.
#[derive(Debug)]
pub(super) struct RocksDbWriter {
    space: Arc<Space>,
    grant: Grant,
    epoch: Epoch,
    tail: Position,
    /// Whether followers can see that the tail is committed.
    marked: bool,
    /// Bytes since the last mark.
    unmarked: usize,
    poison: Option<ErrorKind>,
}

impl RocksDbWriter {
    pub(super) fn new(space: Arc<Space>, epoch: Epoch, grant: Grant) -> Self {
        Self {
            space,
            grant,
            epoch,
            tail: grant.end,
            marked: grant.end == grant.committed,
            unmarked: 0,
            poison: None,
        }
    }

    /// End of the last batch.
    pub(super) const fn end(&self) -> Position {
        self.tail
    }

    pub(super) fn refuse_poisoned(&self, operation: &'static str) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(kind) => Err(error(kind.clone(), operation)
                .context("the writer is poisoned: reopen under a higher epoch")),
        }
    }

    /// Only the first batch of a term may touch the reserve: without it no term could ever begin again.
    fn check_room(&self, batch: &Batch) -> Result<()> {
        if self.tail == self.grant.end {
            return Ok(());
        }
        usage::check_room(self.space.dir(), batch.frame().len() as u64)
    }

    /// Writes batches behind the tail, or behind a Position that the log is cut back to, all in one write.
    pub(super) fn store(&mut self, batches: &[Batch], cut: Option<Position>) -> Result<Position> {
        self.refuse_poisoned("append")?;
        let size = batches.iter().map(|batch| batch.frame().len()).sum();
        let is_due = cut.is_none() && self.unmarked + size > MARK_EVERY;
        let mark = is_due.then(|| self.mark_of_tail()).transpose()?;
        self.write("append", &synced(), |db, write| {
            if let Some(cut) = cut {
                let (from, upto) = (batch_key(cut.seq.next()), batch_key(Seq(u64::MAX)));
                write.delete_range_cf(database::batches(db), from, upto);
            }
            for batch in batches {
                let key = batch_key(batch.first());
                write.put_cf(database::batches(db), key, batch.frame());
            }
            if let Some(mark) = mark {
                write.put_cf(meta(db), CommittedRecord::KEY, mark);
            }
        })?;
        self.tail = batches.last().map_or(self.tail, Batch::end);
        self.marked = false;
        self.unmarked = if is_due { size } else { self.unmarked + size };
        Ok(self.tail)
    }

    /// Writes what `put` gathers. Whatever goes wrong leaves it open what the database holds (R3).
    pub(super) fn write(
        &mut self,
        operation: &'static str,
        options: &WriteOptions,
        put: impl FnOnce(&DB, &mut WriteBatch),
    ) -> Result<()> {
        let dir = self.space.dir();
        let written = self.space.as_writer(self.grant, operation, |db| {
            let mut batch = WriteBatch::default();
            put(db, &mut batch);
            db.write_opt(batch, options).map_err(|source| {
                error(ErrorKind::Indeterminate, operation)
                    .context(dir.display().to_string())
                    .source(source)
            })
        });
        written.inspect_err(|error| self.poison = Some(error.kind().clone()))
    }

    /// What says that all up to the tail is committed.
    fn mark_of_tail(&self) -> Result<Vec<u8>> {
        encode(&CommittedRecord {
            position: self.tail,
        })
    }

    /// Says that the tail is committed.
    pub(super) fn mark(&mut self) -> Result<()> {
        let operation = "mark committed";
        self.refuse_poisoned(operation)?;
        if self.marked {
            return Ok(());
        }
        let mark = self.mark_of_tail()?;
        // Not synced: the next writer settles.
        self.write(operation, &WriteOptions::default(), |db, batch| {
            batch.put_cf(meta(db), CommittedRecord::KEY, mark);
        })?;
        self.marked = true;
        self.unmarked = 0;
        Ok(())
    }
}

impl Drop for RocksDbWriter {
    fn drop(&mut self) {
        self.space.release(self.grant);
    }
}

#[async_trait]
impl OpLogWriter for RocksDbWriter {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let end = self.grant.end;
        self.space.look("read settled", |view| {
            view.find(after)?;
            view.run(after, end, limit)
        })
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.refuse_poisoned("append")?;
        admit(batch, self.epoch, self.tail, &capabilities()).map_err(|e| e.backend(NAME))?;
        self.check_room(batch)?;
        self.store(slice::from_ref(batch), None)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.mark()
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if self.poison.is_some() {
            return Ok(());
        }
        self.mark()
    }
}
