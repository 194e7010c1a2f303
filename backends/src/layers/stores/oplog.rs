use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{
    Batch, Bounds, FenceToken, FollowerWriter, LogId, OpLogCapabilities, OpLogStore, OpLogTail,
    OpLogWriter, Position, ReadLimit, Result, Seq, Skip, TrimGuard, Usage,
};

use super::follower::LayeredFollower;
use super::forward_store;
use crate::layers::layer::{Layer, call};

/// A log with a layer around it.
#[derive(Debug)]
pub(in crate::layers) struct LayeredOpLog<L> {
    layer: L,
    inner: Arc<dyn OpLogStore>,
}

impl<L: Layer> LayeredOpLog<L> {
    pub(in crate::layers) const fn new(layer: L, inner: Arc<dyn OpLogStore>) -> Self {
        Self { layer, inner }
    }
}

forward_store!(LayeredOpLog);

#[async_trait]
impl<L: Layer> OpLogStore for LayeredOpLog<L> {
    fn capabilities(&self) -> OpLogCapabilities {
        self.inner.capabilities()
    }

    async fn bounds(&self) -> Result<Bounds> {
        call!(self, Bounds, self.inner.bounds())
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        call!(self, Usage, self.inner.usage())
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let writer = call!(self, OpenWriter, self.inner.open_writer(token));
        writer.map(|writer| self.layer.writer(writer))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        call!(self, BeginAt, self.inner.begin_at(token, position))
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        call!(self, Skip, self.inner.skip(token, skip))
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        call!(self, Skips, self.inner.skips())
    }

    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        let inner = call!(self, OpenFollower, self.inner.open_follower(token))?;
        Ok(Box::new(LayeredFollower::new(self.layer.clone(), inner)))
    }

    async fn log_id(&self) -> Result<LogId> {
        call!(self, LogId, self.inner.log_id())
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        call!(self, Read, self.inner.read(after, limit))
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let tail = call!(self, Tail, self.inner.tail(after));
        tail.map(|tail| self.layer.tail(tail))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        call!(self, Trim, self.inner.trim(through, guard))
    }
}
