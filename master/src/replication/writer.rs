use std::fmt;

use async_trait::async_trait;
use standfast_core::{Batch, Epoch, FenceToken, OpLogWriter, Position, ReadLimit, Result};

use super::outlet::Outlet;

/// The writer of a node's own log, whose standbys are sent what it has committed.
pub struct StreamWriter {
    local: Box<dyn OpLogWriter>,
    led: Led,
}

/// The term as the standbys' streams know it: over when this is dropped.
struct Led {
    outlet: Outlet,
    epoch: Epoch,
}

impl Drop for Led {
    fn drop(&mut self) {
        self.outlet.end(self.epoch);
    }
}

impl StreamWriter {
    /// Begins the term of `token`, whose writer `local` is.
    pub fn new(local: Box<dyn OpLogWriter>, outlet: Outlet, token: &FenceToken) -> Self {
        outlet.begin(token, local.tail());
        Self {
            local,
            led: Led {
                outlet,
                epoch: token.epoch,
            },
        }
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamWriter(epoch {})", self.led.epoch)
    }
}

#[async_trait]
impl OpLogWriter for StreamWriter {
    fn epoch(&self) -> Epoch {
        self.local.epoch()
    }

    fn tail(&self) -> Position {
        self.local.tail()
    }

    fn complete(&self) -> bool {
        self.local.complete()
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.local.settled(after, limit).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        let end = self.local.append(batch).await?;
        self.led.outlet.appended(batch);
        Ok(end)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.local.mark_committed().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let Self { local, led: _led } = *self;
        local.close().await
    }
}
