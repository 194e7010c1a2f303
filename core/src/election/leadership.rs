use std::fmt;

use async_trait::async_trait;
use tokio::sync::watch;

use super::TermRecord;
use crate::clock::BootInstant;
use crate::error::Result;
use crate::words::{Epoch, FenceToken, NodeId};

/// A term that was won. Dropping it stops the renewal; others may then have to wait for the lease.
#[async_trait]
pub trait Leadership: Send + Sync {
    /// What to show to the stores.
    fn token(&self) -> &FenceToken;

    /// Until when this node may believe that it leads; [`BootInstant::NEVER`] once it is lost. Reads after
    /// that instant must not be answered.
    fn validity(&self) -> watch::Receiver<BootInstant>;

    /// Asks the store itself whether we still lead.
    ///
    /// # Errors
    /// `Fenced` when a higher epoch was granted or we were deposed; `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn confirm(&self) -> Result<()>;

    /// Says that the port answers (EL-7).
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again.
    async fn announce(&self) -> Result<()>;

    /// Compares and swaps the term record under our epoch.
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`; `Indeterminate` when the answer was lost: write again.
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn publish(&self, record: &TermRecord) -> Result<()>;

    /// Claims a higher epoch (at least `1 + at_least`) without giving leadership up: after a poisoned writer.
    /// The token changes.
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`.
    ///
    /// # Durability
    /// The claimed epoch is durable on `Ok`.
    ///
    /// # Cancel safety
    /// An epoch may be used up.
    async fn reopen(&mut self, at_least: Epoch) -> Result<()>;

    /// Ends the term now, in favour of `successor` if named. Deletes only what is ours (EL-5).
    ///
    /// # Errors
    /// `Unavailable`: the lease runs out by itself.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn resign(self: Box<Self>, successor: Option<&NodeId>) -> Result<()>;
}

impl fmt::Debug for dyn Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leadership({:?})", self.token())
    }
}
