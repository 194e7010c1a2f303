//! Following a primary that has a log of its own, into a log of one's own.
//!
//! ```text
//!   the primary ──▶ Session ──▶ FollowerWriter ──▶ own log ──▶ its tail ──▶ StreamTail
//!                   of a Link   synced, fenced                committed      what `follow` applies
//! ```
//!
//! What is applied comes out of the node's own log, so that nothing is ever applied that this node does not hold.

mod link;
mod session;
mod tail;
mod wire;

use std::sync::Arc;

use standfast_core::{
    ElectionBackend, Fingerprint, NodeId, OpLogStore, OpLogTail, Position, Result,
};

use self::link::Link;
use self::tail::StreamTail;

/// A node's own log, and where its primary is found.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The cluster.
    pub cluster: Fingerprint,
    /// This node.
    pub node: NodeId,
    /// Its own log, which this fills.
    pub log: Arc<dyn OpLogStore>,
    /// Who leads.
    pub election: Arc<dyn ElectionBackend>,
}

impl Stream {
    /// Follows whoever leads, from `after` on; where nobody does, what is in the log.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started. What is wrong with the log is told by the tail.
    ///
    /// # Cancel safety
    /// Cancel safe: the thread ends with the tail.
    pub fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let link = Link::start(self.clone(), after)?;
        Ok(Box::new(StreamTail::new(
            Arc::clone(&self.log),
            after,
            link,
        )))
    }
}
