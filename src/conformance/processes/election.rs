use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::Apart;
use standfast_core::{
    BootInstant, Candidate, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch,
    FenceToken, LeaderRecord, Leadership, Member, NodeId, Registration, Result, TermRecord,
};
use tokio::sync::watch;

use super::away::{Away, strange};
use super::child::Child;
use super::crew::Crew;
use super::words::{Address, Answer, Request};

/// An election whose terms are won by a process of their own. All else is done here.
pub(in crate::conformance) type AwayElection = Away<dyn ElectionBackend>;

impl AwayElection {
    /// As [`Away::of`].
    pub(in crate::conformance) fn start(
        here: Arc<dyn ElectionBackend>,
        crew: &Crew,
        address: &Address,
    ) -> Result<Option<Apart<dyn ElectionBackend>>> {
        let reach = here.capabilities().reach;
        let away = Self::of(here, reach, crew, address)?;
        Ok(away.map(|away| Apart::<dyn ElectionBackend> {
            process: Arc::clone(&away.child) as _,
            store: Arc::new(away),
        }))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ElectionBackend for AwayElection {
    fn capabilities(&self) -> ElectionCapabilities {
        self.here.capabilities()
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let request = Request::Campaign(candidate.clone(), at_least);
        let Answer::Term(token) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        Ok(Box::new(AwayTerm {
            child: Arc::clone(&self.child),
            token,
        }))
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        self.here.current().await
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.here.epoch().await
    }

    async fn announced(&self) -> Result<Epoch> {
        self.here.announced().await
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        self.here.term_record().await
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        self.here.observe().await
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.here.members().await
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        self.here.register(member).await
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        self.here.depose(expected).await
    }
}

/// A term of another process.
struct AwayTerm {
    child: Arc<Child>,
    token: FenceToken,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Leadership for AwayTerm {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.child.validity()
    }

    async fn confirm(&self) -> Result<()> {
        self.child.ask(&Request::Confirm).await?;
        Ok(())
    }

    async fn announce(&self) -> Result<()> {
        self.child.ask(&Request::Announce).await?;
        Ok(())
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        self.child.ask(&Request::Publish(record.clone())).await?;
        Ok(())
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        let request = Request::Reopen(at_least);
        let Answer::Term(token) = self.child.ask(&request).await? else {
            return Err(strange(&request));
        };
        self.token = token;
        Ok(())
    }

    async fn resign(self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        self.child.ask(&Request::Resign(successor.cloned())).await?;
        Ok(())
    }
}

impl Drop for AwayTerm {
    fn drop(&mut self) {
        // A process that is gone has let go.
        drop(self.child.send(&Request::LetGo));
    }
}
