use async_trait::async_trait;
use standfast::Result;
use standfast::standfast_core::{
    Batch, Epoch, OpLogCapabilities, OpLogWriter, Position, ReadLimit,
};

/// A writer whose newest batch is acknowledged while it is still in the page cache: it is lost with the writer, unless a
/// later batch or a mark has written it.
pub(super) struct Unsynced {
    inner: Box<dyn OpLogWriter>,
    cached: Option<Batch>,
}

impl Unsynced {
    pub(super) fn new(inner: Box<dyn OpLogWriter>) -> Self {
        Self {
            inner,
            cached: None,
        }
    }

    async fn sync(&mut self) -> Result<()> {
        if let Some(batch) = self.cached.take() {
            self.inner.append(&batch).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl OpLogWriter for Unsynced {
    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn tail(&self) -> Position {
        self.cached
            .as_ref()
            .map_or_else(|| self.inner.tail(), Batch::end)
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.inner.settled(after, limit).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.sync().await?;
        let sound = batch.follows(self.inner.tail()) && batch.epoch() == self.epoch();
        if sound && batch.frame().len() <= OpLogCapabilities::memory().max_batch_bytes {
            // In memory a mark does nothing but ask whether the writer is shut out.
            self.inner.mark_committed().await?;
            self.cached = Some(batch.clone());
            return Ok(batch.end());
        }
        // What is refused is refused as ever.
        self.inner.append(batch).await
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.sync().await?;
        self.inner.mark_committed().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.inner.close().await
    }
}
