use async_trait::async_trait;
use standfast_core::{Batch, Epoch, OpLogWriter, Position, ReadLimit, Result};

use super::Poison;
use crate::layers::layer::{Call, Layer, call};
use crate::layers::operation::Operation;

/// A writer with a layer around it.
pub(in crate::layers) struct LayeredWriter<L> {
    layer: L,
    inner: Box<dyn OpLogWriter>,
    poison: Poison,
}

impl<L: Layer> LayeredWriter<L> {
    pub(in crate::layers) fn new(layer: L, inner: Box<dyn OpLogWriter>) -> Self {
        Self {
            layer,
            inner,
            poison: Poison::default(),
        }
    }
}

#[async_trait]
impl<L: Layer> OpLogWriter for LayeredWriter<L> {
    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn tail(&self) -> Position {
        self.inner.tail()
    }

    fn complete(&self) -> bool {
        self.inner.complete()
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.poison.check(Operation::Settled)?;
        call!(self, Settled, self.inner.settled(after, limit))
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.poison.begin(Operation::Append)?;
        let bytes = batch.frame().len();
        let answer = call!(self, Append, bytes, self.inner.append(batch));
        self.poison.end(answer)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.poison.check(Operation::MarkCommitted)?;
        let answer = call!(self, MarkCommitted, self.inner.mark_committed());
        self.poison.end(answer)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        if self.poison.is_poisoned() {
            return Ok(());
        }
        let call = Call {
            operation: Operation::Close,
            bytes: 0,
        };
        self.layer.run(call, self.inner.close()).await
    }
}
