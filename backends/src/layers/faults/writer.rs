#![deny(clippy::missing_trait_methods)]

use async_trait::async_trait;
use standfast_core::{
    Batch, BatchBuilder, BatchEnd, Epoch, ErrorKind, OpLogWriter, Position, ReadLimit, Result,
};

use super::{Fault, Faults};
use crate::layers::layer::{Call, Layer, call};
use crate::layers::operation::Operation;
use crate::layers::stores::Poison;

/// A writer whose appends may be torn as well.
pub(super) struct FaultyWriter {
    layer: Faults,
    inner: Box<dyn OpLogWriter>,
    poison: Poison,
}

impl FaultyWriter {
    pub(super) fn new(layer: Faults, inner: Box<dyn OpLogWriter>) -> Self {
        Self {
            layer,
            inner,
            poison: Poison::default(),
        }
    }

    async fn tear(&mut self, batch: &Batch) -> Result<Position> {
        self.layer.count(Operation::Append, &Fault::Tear);
        if let Some(half) = first_half(batch, self.inner.tail())? {
            self.inner.append(&half).await?;
        }
        let error = Operation::Append.error(ErrorKind::Indeterminate);
        Err(error.context("torn on purpose"))
    }
}

/// The first half of the entries, as a batch in the same place; `None` of a single one.
fn first_half(batch: &Batch, previous: Position) -> Result<Option<Batch>> {
    if batch.len() < 2 {
        return Ok(None);
    }
    let mut builder = BatchBuilder::new(batch.first());
    for entry in batch.entries().take(batch.len() / 2) {
        builder.push(&entry?)?;
    }
    let end = BatchEnd {
        epoch: batch.epoch(),
        previous,
        committed: batch.committed(),
        digest: batch.digest_at(),
    };
    builder.seal(&end).map(Some)
}

#[async_trait]
impl OpLogWriter for FaultyWriter {
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
        let answer = match self.layer.strike(Operation::Append) {
            Some(struck) if struck.fault == Fault::Tear => self.tear(batch).await,
            struck => {
                let attempt = self.inner.append(batch);
                self.layer.suffer(Operation::Append, struck, attempt).await
            }
        };
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
