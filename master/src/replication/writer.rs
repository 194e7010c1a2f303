use std::fmt;

use async_trait::async_trait;
use standfast_core::{
    Batch, Epoch, Error, ErrorKind, FenceToken, OpLogWriter, Position, ReadLimit, Result,
};
use tokio::task::JoinSet;

use super::keeper::Keeper;
use super::outlet::Outlet;

/// The writer of a node's own log, whose standbys are sent it.
///
/// Where this node's log alone counts they are sent what is committed. Where theirs count as well they are sent a batch while
/// it is stored here, and it is committed when all members of the in-sync set hold it. One batch is in flight at a time, so
/// in every log a batch still proves the one before it.
pub struct StreamWriter {
    local: Box<dyn OpLogWriter>,
    led: Led,
    /// Ends with the term.
    keeper: JoinSet<()>,
    /// Whether something of the term is committed.
    begun: bool,
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
    /// Begins the term of `token`, whose writer `local` is. Where other logs count, waits until all members of the in-sync set
    /// hold what this node's log ends with: the first batch of the term, in every log, proves it committed.
    ///
    /// # Errors
    /// `Fenced` when the term ends before that; `Unavailable` when the node is told to stop; what reading the log meets.
    ///
    /// # Cancel safety
    /// Cancel safe: the term has not begun.
    pub async fn begin(
        mut local: Box<dyn OpLogWriter>,
        outlet: Outlet,
        token: &FenceToken,
    ) -> Result<Self> {
        let committed = outlet.log().bounds().await?.tail;
        let unproved = unproved(&mut *local, committed).await?;
        let elected = outlet.begin(token, committed, unproved)?;
        let mut writer = Self {
            local,
            led: Led {
                outlet: outlet.clone(),
                epoch: token.epoch,
            },
            keeper: JoinSet::new(),
            begun: false,
        };
        if let Some((elected, rule)) = elected.zip(outlet.rule()) {
            let keeper = Keeper::new(outlet.clone(), elected.clone(), rule);
            writer.keeper.spawn(keeper.run());
            let held = outlet.held(&elected, writer.local.tail().seq).await;
            if held.is_err() {
                // It lets go of the leadership, which is to be given up.
                writer.keeper.shutdown().await;
                held?;
            }
        }
        Ok(writer)
    }
}

/// What the log ends with that readers do not see.
async fn unproved(local: &mut dyn OpLogWriter, committed: Position) -> Result<Vec<Batch>> {
    let mut unproved = Vec::new();
    let mut end = committed;
    while end != local.tail() {
        let batches = local.settled(end, ReadLimit::default()).await?;
        let Some(last) = batches.last() else {
            return Err(Error::new(ErrorKind::Gap, "open writer").context(format!(
                "the log gives nothing after {end}, but it ends at {}",
                local.tail()
            )));
        };
        end = last.end();
        unproved.extend(batches);
    }
    Ok(unproved)
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
        let outlet = &self.led.outlet;
        // Else it is the same one again: standbys lacked it.
        if self.local.tail() != batch.end() {
            outlet.sending(batch);
            self.local.append(batch).await?;
            outlet.stored(batch);
        }
        outlet.commit(batch, !self.begun).await?;
        self.begun = true;
        Ok(batch.end())
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.local.mark_committed().await?;
        self.led.outlet.tell();
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let Self {
            local,
            led,
            mut keeper,
            begun: _,
        } = *self;
        keeper.shutdown().await;
        if led.outlet.committed() == local.tail() {
            return local.close().await;
        }
        // To close it would say that its end is committed.
        drop(local);
        Ok(())
    }
}
