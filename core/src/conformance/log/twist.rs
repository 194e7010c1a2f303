use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::batch::Batch;
use crate::election::LogId;
use crate::error::Result;
use crate::oplog::{
    Bounds, FollowerWriter, OpLogCapabilities, OpLogStore, OpLogTail, OpLogWriter, ReadLimit, Skip,
    TailEvent, TrimGuard, Usage,
};
use crate::store::{Server, Store};
use crate::words::{Epoch, FenceToken, Fingerprint, Position, Seq};

/// Makes a log break one rule: everything that it does not replace is as the store does it.
#[async_trait]
pub trait LogTwist: Send + Sync {
    /// In place of [`OpLogStore::capabilities`].
    fn capabilities(&self, store: &dyn OpLogStore) -> OpLogCapabilities {
        store.capabilities()
    }

    /// In place of [`Store::init`].
    async fn init(&self, store: &dyn OpLogStore, cluster: Fingerprint) -> Result<()> {
        store.init(cluster).await
    }

    /// In place of [`OpLogStore::bounds`].
    async fn bounds(&self, store: &dyn OpLogStore) -> Result<Bounds> {
        store.bounds().await
    }

    /// In place of [`OpLogStore::usage`].
    async fn usage(&self, store: &dyn OpLogStore) -> Result<Option<Usage>> {
        store.usage().await
    }

    /// In place of [`OpLogStore::open_writer`].
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        store.open_writer(token).await
    }

    /// In place of [`OpLogStore::begin_at`].
    async fn begin_at(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
        position: Position,
    ) -> Result<()> {
        store.begin_at(token, position).await
    }

    /// In place of [`OpLogStore::skip`].
    async fn skip(&self, store: &dyn OpLogStore, token: &FenceToken, skip: &Skip) -> Result<()> {
        store.skip(token, skip).await
    }

    /// In place of [`OpLogStore::open_follower`].
    async fn open_follower(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn FollowerWriter>> {
        store.open_follower(token).await
    }

    /// In place of [`OpLogStore::log_id`].
    async fn log_id(&self, store: &dyn OpLogStore) -> Result<LogId> {
        store.log_id().await
    }

    /// In place of [`OpLogStore::read`].
    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        store.read(after, limit).await
    }

    /// In place of [`OpLogStore::tail`].
    async fn tail(&self, store: &dyn OpLogStore, after: Position) -> Result<Box<dyn OpLogTail>> {
        store.tail(after).await
    }

    /// In place of [`OpLogTail::next`].
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        tail.next().await
    }

    /// In place of [`OpLogStore::trim`].
    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        store.trim(through, guard).await
    }

    /// In place of [`OpLogWriter::settled`].
    async fn settled(
        &self,
        writer: &mut dyn OpLogWriter,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        writer.settled(after, limit).await
    }

    /// In place of [`OpLogWriter::append`].
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        writer.append(batch).await
    }

    /// In place of [`FollowerWriter::append_verbatim`].
    async fn append_verbatim(
        &self,
        follower: &mut dyn FollowerWriter,
        batches: &[Batch],
    ) -> Result<Position> {
        follower.append_verbatim(batches).await
    }

    /// In place of [`FollowerWriter::cut_after`].
    async fn cut_after(
        &self,
        follower: &mut dyn FollowerWriter,
        position: Position,
        committed: Seq,
    ) -> Result<Option<String>> {
        follower.cut_after(position, committed).await
    }
}

/// A log under a twist.
pub(super) struct Twisted {
    store: Arc<dyn OpLogStore>,
    twist: Arc<dyn LogTwist>,
}

impl Twisted {
    pub(super) fn new(store: Arc<dyn OpLogStore>, twist: Arc<dyn LogTwist>) -> Self {
        Self { store, twist }
    }
}

impl fmt::Debug for Twisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Twisted({:?})", self.store)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Twisted {
    fn name(&self) -> &str {
        self.store.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.store.fingerprint().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.twist.init(&*self.store, cluster).await
    }

    async fn probe(&self) -> Result<()> {
        self.store.probe().await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.store.servers().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OpLogStore for Twisted {
    fn capabilities(&self) -> OpLogCapabilities {
        self.twist.capabilities(&*self.store)
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.twist.bounds(&*self.store).await
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        self.twist.usage(&*self.store).await
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let writer = self.twist.open_writer(&*self.store, token).await?;
        Ok(Box::new(TwistedWriter {
            writer,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        self.twist.begin_at(&*self.store, token, position).await
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        self.twist.skip(&*self.store, token, skip).await
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        self.store.skips().await
    }

    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        let follower = self.twist.open_follower(&*self.store, token).await?;
        Ok(Box::new(TwistedFollower {
            follower,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn log_id(&self) -> Result<LogId> {
        self.twist.log_id(&*self.store).await
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.twist.read(&*self.store, after, limit).await
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let tail = self.twist.tail(&*self.store, after).await?;
        Ok(Box::new(TwistedTail {
            tail,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        self.twist.trim(&*self.store, through, guard).await
    }
}

struct TwistedWriter {
    writer: Box<dyn OpLogWriter>,
    twist: Arc<dyn LogTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OpLogWriter for TwistedWriter {
    fn epoch(&self) -> Epoch {
        self.writer.epoch()
    }

    fn tail(&self) -> Position {
        self.writer.tail()
    }

    fn complete(&self) -> bool {
        self.writer.complete()
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.twist.settled(&mut *self.writer, after, limit).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.twist.append(&mut *self.writer, batch).await
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.writer.mark_committed().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.writer.close().await
    }
}

struct TwistedFollower {
    follower: Box<dyn FollowerWriter>,
    twist: Arc<dyn LogTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl FollowerWriter for TwistedFollower {
    fn epoch(&self) -> Epoch {
        self.follower.epoch()
    }

    fn tail(&self) -> Position {
        self.follower.tail()
    }

    async fn append_verbatim(&mut self, batches: &[Batch]) -> Result<Position> {
        self.twist
            .append_verbatim(&mut *self.follower, batches)
            .await
    }

    async fn sync(&mut self) -> Result<()> {
        self.follower.sync().await
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.follower.mark_committed().await
    }

    async fn cut_after(&mut self, position: Position, committed: Seq) -> Result<Option<String>> {
        self.twist
            .cut_after(&mut *self.follower, position, committed)
            .await
    }
}

struct TwistedTail {
    tail: Box<dyn OpLogTail>,
    twist: Arc<dyn LogTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OpLogTail for TwistedTail {
    async fn next(&mut self) -> Result<TailEvent> {
        self.twist.next(&mut *self.tail).await
    }

    fn ends_with_its_log(&self) -> bool {
        self.tail.ends_with_its_log()
    }
}
