use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use standfast_core::{
    Batch, CatalogEntry, Epoch, Error, ErrorKind, FenceToken, Listed, OpLogWriter, Position,
    ReadLimit, Result, SnapshotStore, Won,
};

use super::oplog::{ATTEMPTS, NAME, compare, same};

/// The writer of a term whose entries nobody keeps: it only counts them.
#[derive(Debug)]
pub(super) struct EphemeralWriter {
    pub(super) store: Arc<dyn SnapshotStore>,
    pub(super) token: FenceToken,
    /// Whether the term before was.
    pub(super) complete: bool,
    pub(super) tail: Position,
    /// The generation of the last writer that was opened, and this one's.
    pub(super) newest: Arc<AtomicU64>,
    pub(super) generation: u64,
}

impl EphemeralWriter {
    fn check(&self, operation: &'static str) -> Result<()> {
        if self.newest.load(Ordering::Acquire) == self.generation {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Fenced, operation)
            .backend(NAME)
            .context(format!("epoch {} has a later writer", self.token.epoch)))
    }

    /// Says in the catalog that the term is complete, if its newest snapshot holds everything that was appended.
    async fn call_complete(&self) -> Result<()> {
        let holds_all = |entry: &CatalogEntry| {
            let good = |listed: &Listed| listed.verified && listed.position == self.tail;
            // A term that appended nothing says nothing of the one before.
            let own = self.tail.epoch == self.token.epoch && entry.epoch == self.token.epoch;
            own && entry.snapshots.iter().any(good)
        };
        for _ in 0..ATTEMPTS {
            let newest = self.store.newest().await?;
            if !newest.as_ref().is_some_and(holds_all) {
                return Ok(());
            }
            let mut last = same(newest, &self.token, "complete");
            last.complete = true;
            if let Won::Yes(_) = self.store.win_entry(&self.token, last).await? {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[async_trait]
impl OpLogWriter for EphemeralWriter {
    fn epoch(&self) -> Epoch {
        self.token.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    fn complete(&self) -> bool {
        self.complete
    }

    async fn settled(&mut self, after: Position, _limit: ReadLimit) -> Result<Vec<Batch>> {
        match compare(after, self.tail) {
            None => Ok(Vec::new()),
            Some(error) => Err(error),
        }
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.check("append")?;
        if batch.epoch() != self.token.epoch || !batch.follows(self.tail) {
            return Err(Error::new(ErrorKind::Gap, "append")
                .backend(NAME)
                .context(format!(
                    "a batch of epoch {} that begins at seq {}, the log of epoch {} ends at {}",
                    batch.epoch(),
                    batch.first(),
                    self.token.epoch,
                    self.tail
                )));
        }
        self.tail = batch.end();
        Ok(self.tail)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.check("mark committed")
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.check("close")?;
        self.call_complete().await
    }
}
