use std::time::Duration;

use standfast_core::{Clock, NodeId};

/// What the server says of itself, and its limits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// This node.
    pub node: NodeId,
    /// host:port at which clients reach it.
    pub advertise: String,
    /// A call that the client gave no deadline, or a later one, ends after this long. Default 10 s.
    pub deadline: Duration,
    /// The largest request, in bytes. Default 64 MiB.
    pub largest_request: usize,
    /// What deadlines run on.
    pub clock: Clock,
}

impl ServerOptions {
    /// The defaults for a node that clients reach at `advertise`.
    pub fn new(node: NodeId, advertise: impl Into<String>) -> Self {
        Self {
            node,
            advertise: advertise.into(),
            deadline: Duration::from_secs(10),
            largest_request: 64 << 20,
            clock: Clock::system(),
        }
    }
}
