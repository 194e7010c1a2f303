use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::BootInstant;
use crate::election::{
    Candidate, ElectionBackend, ElectionCapabilities, ElectionWatch, LeaderRecord, Leadership,
    Member, Registration, TermRecord,
};
use crate::error::Result;
use crate::store::{Server, Store};
use crate::words::{Epoch, FenceToken, Fingerprint, NodeId};

/// Makes an election break one rule: everything that it does not replace is as the backend does it.
#[async_trait]
pub trait ElectionTwist: Send + Sync {
    /// In place of [`Store::init`].
    async fn init(&self, election: &dyn ElectionBackend, cluster: Fingerprint) -> Result<()> {
        election.init(cluster).await
    }

    /// In place of [`ElectionBackend::campaign`].
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        election.campaign(candidate, at_least).await
    }

    /// In place of [`ElectionBackend::current`].
    async fn current(&self, election: &dyn ElectionBackend) -> Result<Option<LeaderRecord>> {
        election.current().await
    }

    /// In place of [`ElectionBackend::announced`].
    async fn announced(&self, election: &dyn ElectionBackend) -> Result<Epoch> {
        election.announced().await
    }

    /// In place of [`ElectionBackend::term_record`].
    async fn term_record(&self, election: &dyn ElectionBackend) -> Result<Option<TermRecord>> {
        election.term_record().await
    }

    /// In place of [`ElectionWatch::next`].
    async fn next(&self, watch: &mut dyn ElectionWatch) -> Result<Option<LeaderRecord>> {
        watch.next().await
    }

    /// In place of [`ElectionBackend::members`].
    async fn members(&self, election: &dyn ElectionBackend) -> Result<Vec<Member>> {
        election.members().await
    }

    /// In place of [`ElectionBackend::register`].
    async fn register(
        &self,
        election: &dyn ElectionBackend,
        member: &Member,
    ) -> Result<Box<dyn Registration>> {
        election.register(member).await
    }

    /// In place of [`ElectionBackend::depose`].
    async fn depose(&self, election: &dyn ElectionBackend, expected: Epoch) -> Result<()> {
        election.depose(expected).await
    }

    /// In place of [`Leadership::validity`].
    fn validity(&self, leadership: &dyn Leadership) -> watch::Receiver<BootInstant> {
        leadership.validity()
    }

    /// In place of [`Leadership::confirm`].
    async fn confirm(&self, leadership: &dyn Leadership) -> Result<()> {
        leadership.confirm().await
    }

    /// In place of [`Leadership::announce`].
    async fn announce(&self, leadership: &dyn Leadership) -> Result<()> {
        leadership.announce().await
    }

    /// In place of [`Leadership::publish`].
    async fn publish(&self, leadership: &dyn Leadership, record: &TermRecord) -> Result<()> {
        leadership.publish(record).await
    }

    /// In place of [`Leadership::reopen`].
    async fn reopen(&self, leadership: &mut dyn Leadership, at_least: Epoch) -> Result<()> {
        leadership.reopen(at_least).await
    }

    /// In place of [`Leadership::resign`].
    async fn resign(
        &self,
        leadership: Box<dyn Leadership>,
        successor: Option<&NodeId>,
    ) -> Result<()> {
        leadership.resign(successor).await
    }
}

/// An election under a twist.
pub(super) struct Twisted {
    election: Arc<dyn ElectionBackend>,
    twist: Arc<dyn ElectionTwist>,
}

impl Twisted {
    pub(super) fn new(election: Arc<dyn ElectionBackend>, twist: Arc<dyn ElectionTwist>) -> Self {
        Self { election, twist }
    }
}

impl fmt::Debug for Twisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Twisted({:?})", self.election)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Twisted {
    fn name(&self) -> &str {
        self.election.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.election.fingerprint().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.twist.init(&*self.election, cluster).await
    }

    async fn probe(&self) -> Result<()> {
        self.election.probe().await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.election.servers().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ElectionBackend for Twisted {
    fn capabilities(&self) -> ElectionCapabilities {
        self.election.capabilities()
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let won = self.twist.campaign(&*self.election, candidate, at_least);
        Ok(Box::new(TwistedLeadership {
            leadership: won.await?,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        self.twist.current(&*self.election).await
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.election.epoch().await
    }

    async fn announced(&self) -> Result<Epoch> {
        self.twist.announced(&*self.election).await
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        self.twist.term_record(&*self.election).await
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        Ok(Box::new(TwistedWatch {
            watch: self.election.observe().await?,
            twist: Arc::clone(&self.twist),
        }))
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.twist.members(&*self.election).await
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        self.twist.register(&*self.election, member).await
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        self.twist.depose(&*self.election, expected).await
    }
}

struct TwistedWatch {
    watch: Box<dyn ElectionWatch>,
    twist: Arc<dyn ElectionTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ElectionWatch for TwistedWatch {
    async fn next(&mut self) -> Result<Option<LeaderRecord>> {
        self.twist.next(&mut *self.watch).await
    }
}

struct TwistedLeadership {
    leadership: Box<dyn Leadership>,
    twist: Arc<dyn ElectionTwist>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Leadership for TwistedLeadership {
    fn token(&self) -> &FenceToken {
        self.leadership.token()
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.twist.validity(&*self.leadership)
    }

    async fn confirm(&self) -> Result<()> {
        self.twist.confirm(&*self.leadership).await
    }

    async fn announce(&self) -> Result<()> {
        self.twist.announce(&*self.leadership).await
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        self.twist.publish(&*self.leadership, record).await
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        self.twist.reopen(&mut *self.leadership, at_least).await
    }

    async fn resign(self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        self.twist.resign(self.leadership, successor).await
    }
}
