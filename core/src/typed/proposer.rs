use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::{Application, Typed};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::proposer::Proposer;
use crate::state::{Command, Refusal, RequestHeader};

/// A [`Proposer`] in the words of one application. Cheap to clone.
pub struct TypedProposer<A> {
    proposer: Arc<dyn Proposer>,
    clock: Clock,
    application: PhantomData<fn() -> A>,
}

impl<A: Application> TypedProposer<A> {
    /// The door `proposer`, with deadlines on `clock`.
    pub fn new(proposer: Arc<dyn Proposer>, clock: Clock) -> Self {
        Self {
            proposer,
            clock,
            application: PhantomData,
        }
    }

    /// Proposes a command and gives its reply, or why it was refused. `header` says which request it is, so that it can
    /// be asked again; `RequestHeader::default()` is a request of no session, which nobody can ask again.
    ///
    /// # Errors
    /// As [`Proposer::propose`]; it is `Busy` when there was no room for it `within` this time.
    ///
    /// # Cancel safety
    /// The command may be executed all the same; ask again with the same header.
    pub async fn propose(
        &self,
        header: RequestHeader,
        command: A::Command,
        within: Duration,
    ) -> Result<Result<A::Reply, Refusal>> {
        let deadline = self.clock.now().plus(within);
        let command = Command::new(header, 1, command);
        let outcomes = self.proposer.propose(command, deadline).await?;
        match outcomes.into_iter().next() {
            Some(Ok(reply)) => Typed::<A>::read_reply(&reply).map(Ok),
            Some(Err(refusal)) => Ok(Err(refusal)),
            None => Err(Error::new(ErrorKind::Corrupt, "propose")
                .context("a command of one item was answered with none")),
        }
    }

    /// Looks something up.
    ///
    /// # Errors
    /// As [`Proposer::read`]; `Unsupported` when the node runs another application.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn read(&self, query: A::Query, within: Duration) -> Result<A::Answer> {
        let deadline = self.clock.now().plus(within);
        let answer = self.proposer.read(Box::new(query), deadline).await?;
        let answer = answer.downcast::<Option<A::Answer>>().ok();
        answer.and_then(|answer| *answer).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "read")
                .context("this node runs a service that does not know this query")
        })
    }
}

impl<A> Clone for TypedProposer<A> {
    fn clone(&self) -> Self {
        Self {
            proposer: Arc::clone(&self.proposer),
            clock: self.clock.clone(),
            application: PhantomData,
        }
    }
}

impl<A> fmt::Debug for TypedProposer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedProposer")
    }
}
