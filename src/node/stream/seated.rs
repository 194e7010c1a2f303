use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use standfast_core::{
    BootInstant, Candidate, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch, Error,
    ErrorKind, FenceToken, Fingerprint, LeaderRecord, Leadership, Member, NodeId, Position,
    Registration, Result, Server, Store, TermRecord,
};
use standfast_master::Outlet;
use tokio::sync::watch;

use super::seat::{MayLead, Seat};

/// How often a node without a seat looks whether it has one.
const LOOK: Duration = Duration::from_secs(1);

/// An election in which only those stand whose log is known to be complete.
///
/// With `ack = "durable"` that is the one node that led last: what it acknowledged is on its disk. It leads again when it
/// comes back, or hands its seat to a successor that has everything; nobody takes it away.
#[derive(Debug)]
pub(crate) struct SeatedElection {
    inner: Arc<dyn ElectionBackend>,
    seat: Seat,
    outlet: Outlet,
}

impl SeatedElection {
    pub(crate) fn new(inner: Arc<dyn ElectionBackend>, seat: Seat, outlet: Outlet) -> Self {
        Self {
            inner,
            seat,
            outlet,
        }
    }

    /// Waits until this node may lead.
    async fn seated(&self) -> Result<()> {
        let mut leaders = self.inner.observe().await?;
        let mut told = None;
        loop {
            let record = self.inner.term_record().await?;
            let MayLead::No(why) = self.seat.may_lead(record.as_ref()).await? else {
                return Ok(());
            };
            if told.as_ref() != Some(&why) {
                tracing::info!(%why, "does not stand for election");
                told = Some(why);
            }
            // Both arms are cancel safe. A hand-over changes who leads; an error is met again by the look.
            tokio::select! {
                changed = leaders.next() => drop(changed),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Makes the seat that of this term; false when another took it before this term was granted.
    async fn take(&self, leadership: &dyn Leadership) -> Result<bool> {
        // Whoever led before cannot write it any more.
        let record = self.inner.term_record().await?;
        let (log_id, committed) = match self.seat.may_lead(record.as_ref()).await? {
            MayLead::Yes(log_id, committed) => (log_id, committed),
            MayLead::No(why) => {
                tracing::info!(%why, "elected, and resigns");
                return Ok(false);
            }
        };
        let record = TermRecord {
            epoch: leadership.token().epoch,
            in_sync: vec![(self.seat.node.clone(), log_id)],
            committed,
        };
        leadership.publish(&record).await.map_err(|source| {
            // Whatever became of it: the next term writes it again.
            Error::new(ErrorKind::Unavailable, "take the seat").source(source)
        })?;
        Ok(true)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for SeatedElection {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.inner.fingerprint().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.inner.init(cluster).await
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.inner.servers().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ElectionBackend for SeatedElection {
    fn capabilities(&self) -> ElectionCapabilities {
        self.inner.capabilities()
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        loop {
            self.seated().await?;
            let leadership = self.inner.campaign(candidate, at_least).await?;
            match self.take(&*leadership).await {
                Ok(true) => {
                    return Ok(Box::new(SeatedLeadership {
                        inner: leadership,
                        outlet: self.outlet.clone(),
                    }));
                }
                Ok(false) => leadership.resign(None).await?,
                Err(error) => {
                    give_up(leadership).await;
                    return Err(error);
                }
            }
        }
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        self.inner.current().await
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.inner.epoch().await
    }

    async fn announced(&self) -> Result<Epoch> {
        self.inner.announced().await
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        self.inner.term_record().await
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        self.inner.observe().await
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.inner.members().await
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        self.inner.register(member).await
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        self.inner.depose(expected).await
    }
}

async fn give_up(leadership: Box<dyn Leadership>) {
    if let Err(error) = leadership.resign(None).await {
        tracing::info!(%error, "could not resign; the lease runs out by itself");
    }
}

/// A term whose holder hands its seat over with it.
struct SeatedLeadership {
    inner: Box<dyn Leadership>,
    outlet: Outlet,
}

impl SeatedLeadership {
    /// Gives the seat to a standby whose log holds everything.
    async fn hand_over(&self, successor: &NodeId) -> Result<()> {
        let committed: Position = self.outlet.committed();
        let follower = self.outlet.chosen(successor);
        let Some(follower) = follower.filter(|follower| follower.synced == committed) else {
            return Err(
                Error::new(ErrorKind::Unavailable, "hand the seat over").context(format!(
                    "{successor} has not said that it holds {committed}"
                )),
            );
        };
        let record = TermRecord {
            epoch: self.inner.token().epoch,
            in_sync: vec![(successor.clone(), follower.log_id)],
            committed,
        };
        self.inner.publish(&record).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Leadership for SeatedLeadership {
    fn token(&self) -> &FenceToken {
        self.inner.token()
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.inner.validity()
    }

    async fn confirm(&self) -> Result<()> {
        self.inner.confirm().await
    }

    async fn announce(&self) -> Result<()> {
        self.inner.announce().await
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        self.inner.publish(record).await
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        self.inner.reopen(at_least).await
    }

    async fn resign(self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        if let Some(node) = successor
            && let Err(error) = self.hand_over(node).await
        {
            // Its answer may be lost: then the successor has the seat, and this node is in its way for a moment only.
            tracing::warn!(%error, successor = %node, "the seat stays with this node");
            return self.inner.resign(None).await;
        }
        self.inner.resign(successor).await
    }
}
