use async_trait::async_trait;
use standfast_core::{BootInstant, Epoch, FenceToken, Leadership, NodeId, Result, TermRecord};
use tokio::sync::watch;

use crate::layers::layer::{Call, Layer, call};
use crate::layers::operation::Operation;

/// A leadership with a layer around it. The renewal of its lease is the election's own, and passes no layer.
pub(super) struct LayeredLeadership<L> {
    layer: L,
    inner: Box<dyn Leadership>,
}

impl<L: Layer> LayeredLeadership<L> {
    pub(super) const fn new(layer: L, inner: Box<dyn Leadership>) -> Self {
        Self { layer, inner }
    }
}

#[async_trait]
impl<L: Layer> Leadership for LayeredLeadership<L> {
    fn token(&self) -> &FenceToken {
        self.inner.token()
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.inner.validity()
    }

    async fn confirm(&self) -> Result<()> {
        call!(self, Confirm, self.inner.confirm())
    }

    async fn announce(&self) -> Result<()> {
        call!(self, Announce, self.inner.announce())
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        call!(self, Publish, self.inner.publish(record))
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        call!(self, Reopen, self.inner.reopen(at_least))
    }

    async fn resign(self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        let call = Call {
            operation: Operation::Resign,
            bytes: 0,
        };
        self.layer.run(call, self.inner.resign(successor)).await
    }
}
