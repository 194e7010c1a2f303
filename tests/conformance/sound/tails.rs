use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast::Result;
use standfast::conformance::LogTwist;
use standfast::standfast_core::{
    Batch, OpLogStore, OpLogTail, Position, ReadLimit, Seq, TailEvent, TrimGuard,
};

/// The tails that are there before a trim were sent all that it deletes.
#[derive(Default)]
pub(super) struct ReadsAhead(Arc<Mutex<Vec<Batch>>>);

#[async_trait]
impl LogTwist for ReadsAhead {
    async fn tail(&self, store: &dyn OpLogStore, after: Position) -> Result<Box<dyn OpLogTail>> {
        let inner = store.tail(after).await?;
        let trimmed = !self.0.lock().is_empty();
        if trimmed {
            return Ok(inner);
        }
        let sent = Arc::clone(&self.0);
        Ok(Box::new(Ahead {
            inner,
            position: after,
            sent,
        }))
    }

    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        let begin = store.bounds().await?.before_floor;
        let all = store.read(begin, ReadLimit::default()).await?;
        *self.0.lock() = all;
        store.trim(through, guard).await
    }
}

struct Ahead {
    inner: Box<dyn OpLogTail>,
    position: Position,
    sent: Arc<Mutex<Vec<Batch>>>,
}

#[async_trait]
impl OpLogTail for Ahead {
    async fn next(&mut self) -> Result<TailEvent> {
        let mut event = self.inner.next().await?;
        if let TailEvent::Trimmed { .. } = event {
            let mut rest = self.sent.lock().clone();
            rest.retain(|batch| batch.first() > self.position.seq);
            event = TailEvent::Batches(rest);
        }
        match event {
            TailEvent::Batches(batches) => match batches.last() {
                Some(last) => {
                    self.position = last.end();
                    Ok(TailEvent::Batches(batches))
                }
                None => Ok(TailEvent::CaughtUp {
                    tail: self.position,
                }),
            },
            event => Ok(event),
        }
    }
}
