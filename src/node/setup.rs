use std::fmt;
use std::sync::Arc;

use standfast_core::{Proposer, Service};
use tonic::service::Routes;

use super::view::NodeView;

/// Makes an empty service.
pub(super) type MakeService = Arc<dyn Fn() -> Box<dyn Service> + Send + Sync>;
/// Puts a service's API on gRPC, in front of the door to its state.
pub(super) type MakeRoutes = Box<dyn FnOnce(Arc<dyn Proposer>, NodeView) -> Routes + Send + Sync>;
/// The text of `/metrics`.
pub(super) type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What a node serves.
pub(super) struct Setup {
    pub(super) service: MakeService,
    pub(super) api: Api,
    pub(super) metrics: Option<MetricsText>,
}

/// What a service adds to the node's gRPC port.
#[derive(Default)]
pub(super) struct Api {
    pub(super) routes: Option<MakeRoutes>,
    /// Encoded descriptors, for reflection.
    pub(super) descriptors: Vec<&'static [u8]>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Setup")
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}
