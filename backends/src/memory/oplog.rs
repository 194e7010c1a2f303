use async_trait::async_trait;

use super::error::{NAME, error};
use super::log_space::MemoryLogSpace;
use super::tail::MemoryTail;
use super::writer::MemoryWriter;
use standfast_core::{
    Batch, Bounds, ByteSize, ErrorKind, FenceToken, Fingerprint, FollowerWriter, OpLogCapabilities,
    OpLogStore, OpLogTail, OpLogWriter, Position, ReadLimit, Result, Seq, Skip, Store, TrimGuard,
    Usage,
};

/// A log in memory. One lock covers the fence and the batches, so what is there is committed.
#[derive(Clone, Debug)]
pub struct MemoryOpLog {
    space: MemoryLogSpace,
    limit: Option<ByteSize>,
}

impl MemoryOpLog {
    /// Opens a handle on `space`.
    pub fn open(space: &MemoryLogSpace) -> Self {
        Self {
            space: space.clone(),
            limit: None,
        }
    }

    /// At this size of its batches the leader takes no more writes; `0B` for no limit, as without this.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: ByteSize) -> Self {
        self.limit = Some(max_bytes).filter(|limit| limit.0 > 0);
        self
    }
}

#[async_trait]
impl Store for MemoryOpLog {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.space.look(|state| Ok(state.cluster()))
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.space.change(|state| state.init(cluster))
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl OpLogStore for MemoryOpLog {
    fn capabilities(&self) -> OpLogCapabilities {
        OpLogCapabilities::memory()
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.space.look(super::log_space::LogState::bounds)
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        let bytes = self.space.look(|state| Ok(state.bytes()))?;
        Ok(Some(Usage {
            bytes,
            limit: self.limit.map(|limit| limit.0),
            available: None,
        }))
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let (generation, tail) = self.space.change(|state| {
            let generation = state.fence(token)?;
            Ok((generation, state.tail()))
        })?;
        Ok(Box::new(MemoryWriter::new(
            self.space.clone(),
            token.epoch,
            generation,
            tail,
        )))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        self.space.change(|state| state.begin_at(token, position))
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        self.space.change(|state| state.skip(token, skip))
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        self.space.look(|state| Ok(state.skips().to_vec()))
    }

    async fn open_follower(&self, _token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        Err(error(ErrorKind::Unsupported, "open follower")
            .context("a log in memory is shared by its nodes: standbys tail it"))
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.space.look(|state| state.read(after, limit))
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let epoch = self.space.look(|state| {
            state.index_after(after)?;
            Ok(state.epoch())
        })?;
        Ok(Box::new(MemoryTail::new(self.space.clone(), after, epoch)))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        self.space
            .look(|state| state.held_by(guard.token(), "trim"))?;
        let needed = guard.lowest_needed().await?;
        let through = needed.map_or(through, |seq| through.min(Seq(seq.0.saturating_sub(1))));
        self.space.change(|state| {
            // Asked again: the guard may have taken its time, and here the check and the cut are one.
            state.held_by(guard.token(), "trim")?;
            state.trim(through);
            Ok(state.floor())
        })
    }
}
