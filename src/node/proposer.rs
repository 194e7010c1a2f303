use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{BootInstant, Command, Epoch, Error, ErrorKind, Outcome, Proposer, Result};
use standfast_master::TermHandle;

use super::shared::{Boxed, Shared};

/// The node's door for its service: leads to the term while there is one, and else names the primary.
#[derive(Clone, Debug)]
pub(crate) struct NodeProposer(pub(crate) Arc<Shared>);

impl NodeProposer {
    fn term(&self) -> Result<TermHandle> {
        self.0.term().ok_or_else(|| self.elsewhere("propose"))
    }

    fn elsewhere(&self, operation: &'static str) -> Error {
        Error::new(
            ErrorKind::NotPrimary {
                address: self.0.primary_endpoint(),
            },
            operation,
        )
    }

    /// A term that ended while the call was under way does not know its successor; the node may.
    fn with_address<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match error.kind() {
            ErrorKind::NotPrimary { address: None } => error.with_kind(ErrorKind::NotPrimary {
                address: self.0.primary_endpoint(),
            }),
            _ => error,
        })
    }
}

#[async_trait]
impl Proposer for NodeProposer {
    async fn propose(&self, command: Command, deadline: BootInstant) -> Result<Vec<Outcome>> {
        let term = self.term()?;
        self.with_address(term.propose(command, deadline).await)
    }

    async fn read(
        &self,
        question: Box<dyn Any + Send + Sync>,
        deadline: BootInstant,
    ) -> Result<Boxed> {
        let term = self.term()?;
        self.with_address(term.read(question, deadline).await)
    }

    fn leads(&self) -> Option<Epoch> {
        self.0.term().and_then(|term| term.leads())
    }
}
