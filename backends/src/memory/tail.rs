use async_trait::async_trait;
use tokio::sync::watch;

use super::log_space::{LogState, MemoryLogSpace};
use standfast_core::{Batch, Epoch, ErrorKind, OpLogTail, Position, ReadLimit, Result, TailEvent};

/// Follows a log in memory. Holds no batch between two calls (OT-2).
#[derive(Debug)]
pub(super) struct MemoryTail {
    space: MemoryLogSpace,
    changes: watch::Receiver<u64>,
    position: Position,
    epoch: Epoch,
    told: bool,
}

impl MemoryTail {
    pub(super) fn new(space: MemoryLogSpace, position: Position, epoch: Epoch) -> Self {
        let changes = space.changes();
        Self {
            space,
            changes,
            position,
            epoch,
            told: false,
        }
    }

    /// What comes next, and the epoch, under one lock.
    fn look(&self, state: &LogState) -> Result<Option<TailEvent>> {
        let batches = match state.read(self.position, ReadLimit::default()) {
            Ok(batches) => batches,
            Err(error) => match error.kind() {
                ErrorKind::Trimmed { floor } => {
                    return Ok(Some(TailEvent::Trimmed { floor: *floor }));
                }
                _ => return Err(error),
            },
        };
        if !batches.is_empty() {
            return Ok(Some(TailEvent::Batches(batches)));
        }
        if state.epoch() > self.epoch {
            return Ok(Some(TailEvent::NewEpoch(state.epoch())));
        }
        Ok((!self.told).then_some(TailEvent::CaughtUp {
            tail: self.position,
        }))
    }

    fn deliver(&mut self, event: TailEvent) -> TailEvent {
        match &event {
            TailEvent::Batches(batches) => {
                self.position = batches.last().map_or(self.position, Batch::end);
                self.told = false;
            }
            TailEvent::CaughtUp { .. } => self.told = true,
            TailEvent::NewEpoch(epoch) => self.epoch = *epoch,
            TailEvent::Trimmed { .. } => {}
        }
        event
    }
}

#[async_trait]
impl OpLogTail for MemoryTail {
    async fn next(&mut self) -> Result<TailEvent> {
        loop {
            // Marked as seen before the look: a change in between wakes us at once.
            self.changes.mark_unchanged();
            if let Some(event) = self.space.look(|state| self.look(state))? {
                return Ok(self.deliver(event));
            }
            self.changes
                .changed()
                .await
                .expect("the space that this tail holds keeps the sender");
        }
    }
}
