use async_trait::async_trait;
use standfast_core::{OpLogTail, Result, TailEvent};

use crate::layers::layer::{Layer, call};

/// A tail with a layer around it.
pub(in crate::layers) struct LayeredTail<L> {
    layer: L,
    inner: Box<dyn OpLogTail>,
}

impl<L: Layer> LayeredTail<L> {
    pub(in crate::layers) const fn new(layer: L, inner: Box<dyn OpLogTail>) -> Self {
        Self { layer, inner }
    }
}

#[async_trait]
impl<L: Layer> OpLogTail for LayeredTail<L> {
    async fn next(&mut self) -> Result<TailEvent> {
        call!(self, NextEvent, self.inner.next())
    }

    fn ends_with_its_log(&self) -> bool {
        self.inner.ends_with_its_log()
    }
}
