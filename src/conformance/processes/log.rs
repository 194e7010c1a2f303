use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::Apart;
use standfast_core::{
    Batch, Bounds, Epoch, FenceToken, FollowerWriter, LogId, OpLogCapabilities, OpLogStore,
    OpLogTail, OpLogWriter, Position, ReadLimit, Result, Seq, Skip, TrimGuard, Usage,
};

use super::away::{Away, strange};
use super::child::Child;
use super::crew::Crew;
use super::words::{Address, Answer, Request};

/// A log whose writers live in a process of their own. All else is done here.
pub(in crate::conformance) type AwayLog = Away<dyn OpLogStore>;

impl AwayLog {
    /// As [`Away::of`].
    pub(in crate::conformance) fn start(
        here: Arc<dyn OpLogStore>,
        crew: &Crew,
        address: &Address,
    ) -> Result<Option<Apart<dyn OpLogStore>>> {
        let reach = here.capabilities().reach;
        let away = Self::of(here, reach, crew, address)?;
        Ok(away.map(|away| Apart::<dyn OpLogStore> {
            process: Arc::clone(&away.child) as _,
            store: Arc::new(away),
        }))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OpLogStore for AwayLog {
    fn capabilities(&self) -> OpLogCapabilities {
        self.here.capabilities()
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.here.bounds().await
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        self.here.usage().await
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let request = Request::OpenWriter(token.clone());
        let Answer::Writer(tail, complete) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        Ok(Box::new(AwayWriter {
            child: Arc::clone(&self.child),
            epoch: token.epoch,
            tail,
            complete,
        }))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        self.here.begin_at(token, position).await
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        self.here.skip(token, skip).await
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        self.here.skips().await
    }

    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        self.here.open_follower(token).await
    }

    async fn log_id(&self) -> Result<LogId> {
        self.here.log_id().await
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.here.read(after, limit).await
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        self.here.tail(after).await
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        self.here.trim(through, guard).await
    }
}

/// A writer in another process.
struct AwayWriter {
    child: Arc<Child>,
    epoch: Epoch,
    tail: Position,
    complete: bool,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OpLogWriter for AwayWriter {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    fn complete(&self) -> bool {
        self.complete
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let request = Request::Settled(after, limit.batches, limit.bytes);
        let Answer::Batches(frames) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        let batches = frames.into_iter().map(|frame| Batch::decode(frame.into()));
        batches.collect()
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        let request = Request::Append(batch.frame().to_vec());
        let Answer::Tail(tail) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        self.tail = tail;
        Ok(tail)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.child.ask(&Request::MarkCommitted).await?;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.child.ask(&Request::Close).await?;
        Ok(())
    }
}

impl Drop for AwayWriter {
    fn drop(&mut self) {
        // A process that is gone has let go.
        drop(self.child.send(&Request::LetGo));
    }
}
