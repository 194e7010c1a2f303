use std::fmt::Debug;

use async_trait::async_trait;
use standfast_core::Result;

/// Where a client looks for the nodes of its cluster: once to begin with, and again whenever none of those it knows leads.
#[async_trait]
pub trait FindNodes: Debug + Send + Sync {
    /// `host:port` of their gRPC.
    ///
    /// # Errors
    /// Why nobody is found. The client goes on with those that it knows, and asks again.
    ///
    /// # Cancel safety
    /// Is dropped when a primary answers meanwhile.
    async fn find(&self) -> Result<Vec<String>>;
}
