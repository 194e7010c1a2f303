use async_trait::async_trait;
use standfast_core::{Batch, Epoch, FollowerWriter, Position, Result, Seq};

use super::Poison;
use crate::layers::layer::{Layer, call};
use crate::layers::operation::Operation;

/// The writer of a node's own log, with a layer around it.
pub(super) struct LayeredFollower<L> {
    layer: L,
    inner: Box<dyn FollowerWriter>,
    poison: Poison,
}

impl<L: Layer> LayeredFollower<L> {
    pub(super) fn new(layer: L, inner: Box<dyn FollowerWriter>) -> Self {
        Self {
            layer,
            inner,
            poison: Poison::default(),
        }
    }
}

#[async_trait]
impl<L: Layer> FollowerWriter for LayeredFollower<L> {
    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn tail(&self) -> Position {
        self.inner.tail()
    }

    async fn append_verbatim(&mut self, batches: &[Batch]) -> Result<Position> {
        self.poison.begin(Operation::AppendVerbatim)?;
        let bytes = batches.iter().map(|batch| batch.frame().len()).sum();
        let answer = call!(
            self,
            AppendVerbatim,
            bytes,
            self.inner.append_verbatim(batches)
        );
        self.poison.end(answer)
    }

    async fn sync(&mut self) -> Result<()> {
        self.poison.begin(Operation::SyncFollower)?;
        let answer = call!(self, SyncFollower, self.inner.sync());
        self.poison.end(answer)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.poison.check(Operation::MarkCommitted)?;
        let answer = call!(self, MarkCommitted, self.inner.mark_committed());
        self.poison.end(answer)
    }

    async fn cut_after(&mut self, position: Position, committed: Seq) -> Result<Option<String>> {
        self.poison.begin(Operation::CutAfter)?;
        let answer = call!(self, CutAfter, self.inner.cut_after(position, committed));
        self.poison.end(answer)
    }
}
