use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{
    Batch, Bounds, FenceToken, Fingerprint, FollowerWriter, LogId, OpLogCapabilities, OpLogStore,
    OpLogTail, OpLogWriter, Position, Reach, ReadLimit, Result, Seq, Server, Skip, Store,
    TrimGuard, Usage,
};
use standfast_master::{Outlet, StreamWriter};
use standfast_standby::Stream;

/// A node's own log, filled from the primary's while it follows, and sent to the standbys while it leads.
#[derive(Debug)]
pub(crate) struct StreamedLog {
    log: Arc<dyn OpLogStore>,
    stream: Stream,
    outlet: Outlet,
}

impl StreamedLog {
    pub(crate) fn new(stream: Stream, outlet: Outlet) -> Self {
        Self {
            log: Arc::clone(&stream.log),
            stream,
            outlet,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for StreamedLog {
    fn name(&self) -> &str {
        self.log.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.log.fingerprint().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.log.init(cluster).await
    }

    async fn probe(&self) -> Result<()> {
        self.log.probe().await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.log.servers().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OpLogStore for StreamedLog {
    fn capabilities(&self) -> OpLogCapabilities {
        let mut capabilities = self.log.capabilities();
        capabilities.reach = Reach::Cluster;
        capabilities
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.log.bounds().await
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        self.log.usage().await
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let local = self.log.open_writer(token).await?;
        self.outlet.trimmed(self.log.bounds().await?.floor);
        let writer = StreamWriter::begin(local, self.outlet.clone(), token).await?;
        Ok(Box::new(writer))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        self.log.begin_at(token, position).await
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        self.log.skip(token, skip).await
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        self.log.skips().await
    }

    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        self.log.open_follower(token).await
    }

    async fn log_id(&self) -> Result<LogId> {
        self.log.log_id().await
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.log.read(after, limit).await
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        self.stream.tail(after)
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        let floor = self.log.trim(through, guard).await?;
        self.outlet.trimmed(floor);
        Ok(floor)
    }
}
