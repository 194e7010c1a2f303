//! The door through which a service's API reaches the primary.

use std::any::Any;

use async_trait::async_trait;

use crate::clock::BootInstant;
use crate::error::Result;
use crate::state::{Command, Outcome};
use crate::words::Epoch;

/// Takes commands and questions to the state of the primary, wherever the node is in its life: while it does not
/// lead, every call is `NotPrimary` with the address of the one that does, if known.
#[async_trait]
pub trait Proposer: Send + Sync {
    /// Decides a command and answers each item when what its answer reveals is committed (R5).
    ///
    /// # Errors
    /// `NotPrimary`, `Busy` (the queue stayed full until `deadline`), `Quota`, `RequestTooOld`: not executed.
    /// `Unknown`: the term ended with the outcome in doubt; ask again with the same request id.
    ///
    /// # Durability
    /// As `ack` says: with `durable`, everything an `Ok` reveals is in the log.
    ///
    /// # Cancel safety
    /// The command may be executed all the same; ask again with the same request id.
    async fn propose(&self, command: Command, deadline: BootInstant) -> Result<Vec<Outcome>>;

    /// Answers a question from the state, when everything the answer looked at is committed and the term is
    /// still valid after that.
    ///
    /// # Errors
    /// `NotPrimary`, `Busy`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing but soft state.
    async fn read(
        &self,
        question: Box<dyn Any + Send + Sync>,
        deadline: BootInstant,
    ) -> Result<Box<dyn Any + Send>>;

    /// The term this node leads, if it does.
    fn leads(&self) -> Option<Epoch>;
}
