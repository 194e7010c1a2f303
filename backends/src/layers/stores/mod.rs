//! The three contracts, and what their stores hand out, with a layer around each call.
//!
//! Every method is written out, those with a default as well: a default would pass the store by.
#![deny(clippy::missing_trait_methods)]

mod election;
mod follower;
mod leadership;
mod oplog;
mod poison;
mod snapshot;
mod tail;
mod writer;

pub(super) use election::LayeredElection;
pub(super) use oplog::LayeredOpLog;
pub(super) use poison::Poison;
pub(super) use snapshot::LayeredSnapshots;
pub(super) use tail::LayeredTail;
pub(super) use writer::LayeredWriter;

/// What the three kinds of store have in common.
macro_rules! forward_store {
    ($layered:ident) => {
        #[async_trait::async_trait]
        impl<L: $crate::layers::Layer> standfast_core::Store for $layered<L> {
            fn name(&self) -> &str {
                self.inner.name()
            }

            async fn fingerprint(
                &self,
            ) -> standfast_core::Result<Option<standfast_core::Fingerprint>> {
                call!(self, Fingerprint, self.inner.fingerprint())
            }

            async fn init(
                &self,
                cluster: standfast_core::Fingerprint,
            ) -> standfast_core::Result<()> {
                call!(self, Init, self.inner.init(cluster))
            }

            async fn probe(&self) -> standfast_core::Result<()> {
                call!(self, Probe, self.inner.probe())
            }

            async fn servers(&self) -> standfast_core::Result<Vec<standfast_core::Server>> {
                call!(self, Servers, self.inner.servers())
            }
        }
    };
}
use forward_store;
