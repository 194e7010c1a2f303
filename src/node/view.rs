use std::sync::Arc;

use standfast_core::{Application, Clock, NodeId, Proposer, Role, TypedProposer};
use tokio::sync::watch;

use super::proposer::NodeProposer;
use super::shared::Shared;

/// What a service may know of the node it runs on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct NodeView(pub(crate) Arc<Shared>);

impl NodeView {
    /// The node.
    pub fn node(&self) -> &NodeId {
        &self.0.sources.candidate.node
    }

    /// Where it answers gRPC, `host:port`.
    pub fn endpoint(&self) -> &str {
        &self.0.sources.candidate.endpoint
    }

    /// Time, for deadlines.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What the node does, now and whenever it changes.
    pub fn roles(&self) -> watch::Receiver<Role> {
        self.0.role.subscribe()
    }

    /// The door to the state: good for as long as the node runs, whatever its role is. While the node does not lead,
    /// every call is `NotPrimary`, with the address of the primary if it is known.
    pub fn proposer(&self) -> Arc<dyn Proposer> {
        Arc::new(NodeProposer(Arc::clone(&self.0)))
    }

    /// The same door, in the words of the application that the node runs.
    pub fn typed_proposer<A: Application>(&self) -> TypedProposer<A> {
        TypedProposer::new(self.proposer(), self.0.clock.clone())
    }
}
