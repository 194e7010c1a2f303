use std::sync::{Arc, Weak};

use async_trait::async_trait;
use standfast::Result;
use standfast::standfast_core::{
    Batch, Epoch, OpLogCapabilities, OpLogWriter, Position, ReadLimit, admit,
};
use tokio::sync::Mutex;

/// What a writer has written, and what of it is in the page cache only.
pub(super) struct PageCache {
    inner: Box<dyn OpLogWriter>,
    batch: Option<Batch>,
}

impl PageCache {
    /// Writes back what is in it.
    pub(super) async fn write_back(&mut self) -> Result<()> {
        if let Some(batch) = self.batch.take() {
            self.inner.append(&batch).await?;
        }
        Ok(())
    }
}

/// A writer whose newest batch is acknowledged while it is still in the page cache: it is lost with the writer, unless
/// anybody looked for it before.
pub(super) struct Unsynced {
    cache: Arc<Mutex<PageCache>>,
    epoch: Epoch,
    tail: Position,
}

impl Unsynced {
    pub(super) fn new(inner: Box<dyn OpLogWriter>) -> Self {
        Self {
            epoch: inner.epoch(),
            tail: inner.tail(),
            cache: Arc::new(Mutex::new(PageCache { inner, batch: None })),
        }
    }

    pub(super) fn cache(&self) -> Weak<Mutex<PageCache>> {
        Arc::downgrade(&self.cache)
    }
}

#[async_trait]
impl OpLogWriter for Unsynced {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.cache.lock().await.inner.settled(after, limit).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        let mut cache = self.cache.lock().await;
        cache.write_back().await?;
        let limits = OpLogCapabilities::memory();
        if admit(batch, self.epoch, self.tail, &limits).is_ok() {
            // In memory a mark does nothing but ask whether the writer is shut out.
            cache.inner.mark_committed().await?;
            cache.batch = Some(batch.clone());
        } else {
            // What is refused is refused as ever.
            cache.inner.append(batch).await?;
        }
        self.tail = batch.end();
        Ok(self.tail)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        let mut cache = self.cache.lock().await;
        cache.write_back().await?;
        cache.inner.mark_committed().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
