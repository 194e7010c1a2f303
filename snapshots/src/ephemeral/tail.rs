use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{
    ErrorKind, Fingerprint, OpLogTail, Position, Result, SnapshotStore, TailEvent,
};

use super::oplog::{EphemeralOpLog, compare, position_of};

/// Waits for a newer snapshot than the one the state is of.
#[derive(Debug)]
pub(super) struct EphemeralTail {
    store: Arc<dyn SnapshotStore>,
    cluster: Fingerprint,
    position: Position,
    told: bool,
}

impl EphemeralTail {
    pub(super) const fn new(
        store: Arc<dyn SnapshotStore>,
        cluster: Fingerprint,
        position: Position,
    ) -> Self {
        Self {
            store,
            cluster,
            position,
            told: false,
        }
    }
}

#[async_trait]
impl OpLogTail for EphemeralTail {
    async fn next(&mut self) -> Result<TailEvent> {
        loop {
            if self.told {
                tokio::time::sleep(EphemeralOpLog::LOOKED_AT_EVERY).await;
            }
            let newest = self.store.newest().await?;
            let newest = position_of(newest.as_ref(), self.cluster);
            match compare(self.position, newest) {
                None if !self.told => {
                    self.told = true;
                    return Ok(TailEvent::CaughtUp {
                        tail: self.position,
                    });
                }
                None => {}
                Some(error) => {
                    return match error.kind() {
                        ErrorKind::Trimmed { floor } => Ok(TailEvent::Trimmed { floor: *floor }),
                        _ => Err(error),
                    };
                }
            }
        }
    }
}
