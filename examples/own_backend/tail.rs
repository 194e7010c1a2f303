use std::time::Duration;

use async_trait::async_trait;
use standfast::standfast_core::{Batch, Epoch, OpLogTail, Position, ReadLimit, TailEvent};
use standfast::{ErrorKind, Result};

use super::database::Database;
use super::fence::Fence;
use super::oplog::read;

/// How often it looks.
const PACE: Duration = Duration::from_millis(2);

/// Follows the log by looking again and again. Holds no batch between two calls (OT-2).
#[derive(Debug)]
pub(crate) struct SqliteTail {
    database: Database,
    position: Position,
    epoch: Epoch,
    told: bool,
}

impl SqliteTail {
    pub(crate) fn new(database: Database, position: Position, epoch: Epoch) -> Self {
        Self {
            database,
            position,
            epoch,
            told: false,
        }
    }

    /// What is there after our position, and the epoch, in one transaction.
    async fn look(&self) -> Result<(Vec<Batch>, Epoch)> {
        let after = self.position;
        let look = move |own: &Database| {
            own.look("tail", |transaction| {
                let batches = read(transaction, after, ReadLimit::default())?;
                Ok((batches, Fence::get(transaction)?.epoch))
            })
        };
        self.database.off_thread(look).await
    }
}

#[async_trait]
impl OpLogTail for SqliteTail {
    async fn next(&mut self) -> Result<TailEvent> {
        loop {
            // Nothing of us changes before an event is returned: a dropped call loses nothing.
            let (batches, epoch) = match self.look().await {
                Ok(found) => found,
                Err(error) => match error.kind() {
                    ErrorKind::Trimmed { floor } => {
                        return Ok(TailEvent::Trimmed { floor: *floor });
                    }
                    _ => return Err(error),
                },
            };
            if let Some(last) = batches.last() {
                self.position = last.end();
                self.told = false;
                return Ok(TailEvent::Batches(batches));
            }
            if epoch > self.epoch {
                self.epoch = epoch;
                return Ok(TailEvent::NewEpoch(epoch));
            }
            if !self.told {
                self.told = true;
                return Ok(TailEvent::CaughtUp {
                    tail: self.position,
                });
            }
            tokio::time::sleep(PACE).await;
        }
    }
}
