use async_trait::async_trait;
use standfast::standfast_core::{Batch, Epoch, OpLogWriter, Position, ReadLimit, admit};
use standfast::{ErrorKind, Result};

use super::database::Database;
use super::error::{NAME, error, sqlite_error};
use super::fence::Fence;
use super::oplog::{capabilities, read};

/// The writer of a term: one transaction a batch.
#[derive(Debug)]
pub(crate) struct SqliteWriter {
    database: Database,
    epoch: Epoch,
    generation: i64,
    settled: Position,
    tail: Position,
    poison: Option<ErrorKind>,
}

impl SqliteWriter {
    pub(crate) fn new(database: Database, epoch: Epoch, generation: i64, tail: Position) -> Self {
        Self {
            database,
            epoch,
            generation,
            settled: tail,
            tail,
            poison: None,
        }
    }

    /// A writer that was shut out, or is in doubt, stays so (OW-3).
    fn refuse_poisoned(&self, operation: &'static str) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(kind) => Err(error(kind.clone(), operation)
                .context("the writer is poisoned: reopen under a higher epoch")),
        }
    }

    /// Compares the fence and inserts, in one transaction.
    fn insert(&self, batch: &Batch) -> Result<()> {
        self.database.change("append", |transaction| {
            Fence::check(transaction, self.generation)?;
            transaction
                .execute(
                    "INSERT INTO batches VALUES (?1, ?2, ?3)",
                    (batch.first().0, batch.last().0, &batch.frame()[..]),
                )
                .map_err(|source| sqlite_error("append", source))?;
            Ok(())
        })
    }
}

#[async_trait]
impl OpLogWriter for SqliteWriter {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let mut batches = self.database.look("read settled", |transaction| {
            read(transaction, after, limit)
        })?;
        batches.retain(|batch| batch.last() <= self.settled.seq);
        Ok(batches)
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.refuse_poisoned("append")?;
        admit(batch, self.epoch, self.tail, &capabilities()).map_err(|e| e.backend(NAME))?;
        match self.insert(batch) {
            Ok(()) => {
                self.tail = batch.end();
                Ok(self.tail)
            }
            Err(error) => {
                // A full disk and a busy file roll back, and the writer lives on.
                if matches!(error.kind(), ErrorKind::Fenced | ErrorKind::Indeterminate) {
                    self.poison = Some(error.kind().clone());
                }
                let busy = *error.kind() == ErrorKind::Unavailable;
                Err(if busy {
                    error.with_kind(ErrorKind::NotWritten)
                } else {
                    error
                })
            }
        }
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.refuse_poisoned("mark committed")?;
        // Nothing to mark: what is in the table is committed. Only whether it is still ours to say so.
        let generation = self.generation;
        let look = self
            .database
            .look("mark committed", |tx| Fence::is_held(tx, generation));
        if let Err(error) = &look
            && *error.kind() == ErrorKind::Fenced
        {
            self.poison = Some(ErrorKind::Fenced);
        }
        look
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
