use async_trait::async_trait;

use super::error::NAME;
use super::log_space::MemoryLogSpace;
use standfast_core::{
    Batch, Epoch, ErrorKind, OpLogCapabilities, OpLogWriter, Position, ReadLimit, Result, admit,
};

/// The writer of a term. It is poisoned by its generation: once another was let in, every call is `Fenced`.
#[derive(Debug)]
pub(super) struct MemoryWriter {
    space: MemoryLogSpace,
    epoch: Epoch,
    generation: u64,
    tail: Position,
    settled: Position,
}

impl MemoryWriter {
    pub(super) fn new(
        space: MemoryLogSpace,
        epoch: Epoch,
        generation: u64,
        tail: Position,
    ) -> Self {
        Self {
            space,
            epoch,
            generation,
            tail,
            settled: tail,
        }
    }
}

#[async_trait]
impl OpLogWriter for MemoryWriter {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let mut batches = self.space.look(|state| state.read(after, limit))?;
        batches.retain(|batch| batch.last() <= self.settled.seq);
        Ok(batches)
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.space.change(|state| {
            state.check(self.generation, "append")?;
            admit(batch, self.epoch, self.tail, &OpLogCapabilities::memory())
                .map_err(|error| error.backend(NAME))?;
            state.push(batch.clone());
            Ok(())
        })?;
        self.tail = batch.end();
        Ok(self.tail)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.space
            .look(|state| state.check(self.generation, "mark committed"))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        match self
            .space
            .look(|state| state.check(self.generation, "close"))
        {
            Err(error) if *error.kind() != ErrorKind::Fenced => Err(error),
            _ => Ok(()),
        }
    }
}
