use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use standfast_core::{
    BootInstant, Candidate, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch, Error,
    ErrorKind, FenceToken, Fingerprint, LeaderRecord, Leadership, Member, NodeId, Position,
    Registration, Result, Server, Store, TermRecord,
};
use standfast_master::{Elected, Outlet};
use tokio::sync::watch;

use super::seat::{MayLead, Seat};

/// How often a node without a seat looks whether it has one.
const LOOK: Duration = Duration::from_secs(1);

/// How long a node whose term was given up to others leaves it to them.
const STANDS_BACK: Duration = Duration::from_secs(5);

/// An election in which only those stand whose log is known to be complete.
///
/// With `ack = "durable"` that is the one node that led last: what it acknowledged is on its disk. It leads again when it
/// comes back, or hands its seat to a successor that has everything; nobody takes it away. With `ack = "replicated"` it is
/// every member of the in-sync set: what was acknowledged is on the disks of all of them.
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

    /// Waits for a while, or until another leads.
    async fn stand_back(&self, candidate: &Candidate) -> Result<()> {
        let mut leaders = self.inner.observe().await?;
        let other = async {
            loop {
                match leaders.next().await {
                    Ok(Some(record)) if record.candidate.node != candidate.node => return,
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(LOOK).await,
                }
            }
        };
        // Whether one was there shows the campaign.
        drop(tokio::time::timeout(STANDS_BACK, other).await);
        Ok(())
    }

    /// Stands for election as long as this node may lead; `None` when it may no more.
    async fn stand(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Option<Box<dyn Leadership>>> {
        let lost = async {
            let mut looks = tokio::time::interval(LOOK);
            loop {
                looks.tick().await;
                // What cannot be read is met again when it is won.
                if let Ok(record) = self.inner.term_record().await
                    && let Ok(MayLead::No(why)) = self.seat.may_lead(record.as_ref()).await
                {
                    return why;
                }
            }
        };
        // Both are cancel safe, and neither waits for the other: a store that is slow to tell delays no term.
        tokio::select! {
            won = self.inner.campaign(candidate, at_least) => won.map(Some),
            why = lost => {
                tracing::info!(%why, "stands for election no more");
                Ok(None)
            }
        }
    }

    /// Makes the record that of this term, and tells the outlet who is in it; false when this node has no seat any more.
    async fn take(&self, leadership: &Arc<Box<dyn Leadership>>) -> Result<bool> {
        // Whoever led before cannot write it any more.
        let record = self.inner.term_record().await?;
        let (log_id, committed) = match self.seat.may_lead(record.as_ref()).await? {
            MayLead::Yes(log_id, committed) => (log_id, committed),
            MayLead::No(why) => {
                tracing::info!(%why, "elected, and resigns");
                return Ok(false);
            }
        };
        let own = (self.seat.node.clone(), log_id);
        let in_sync = match record {
            Some(record) if self.outlet.rule().is_some() => record.in_sync,
            _ => vec![own.clone()],
        };
        let epoch = leadership.token().epoch;
        let record = TermRecord {
            epoch,
            in_sync: in_sync.clone(),
            committed,
        };
        leadership.publish(&record).await.map_err(|source| {
            // Whatever became of it: the next term writes it again.
            Error::new(ErrorKind::Unavailable, "take the seat").source(source)
        })?;
        self.outlet.elected(Elected {
            epoch,
            own,
            in_sync,
            validity: leadership.validity(),
            election: Arc::clone(&self.inner),
            leadership: Arc::downgrade(leadership),
        });
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
            if self.outlet.stands_back() {
                self.stand_back(candidate).await?;
            }
            self.seated().await?;
            let Some(leadership) = self.stand(candidate, at_least).await? else {
                continue;
            };
            let leadership = Arc::new(leadership);
            let taken = self.take(&leadership).await;
            let leadership = SeatedLeadership {
                inner: leadership,
                seat: self.seat.node.clone(),
                outlet: self.outlet.clone(),
            };
            match taken {
                Ok(true) => return Ok(Box::new(leadership)),
                Ok(false) => leadership.into_inner()?.resign(None).await?,
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

async fn give_up(leadership: SeatedLeadership) {
    let given = async { leadership.into_inner()?.resign(None).await };
    if let Err(error) = given.await {
        tracing::info!(%error, "could not resign; the lease runs out by itself");
    }
}

/// A term whose holder hands its seat over with it.
struct SeatedLeadership {
    /// The only one that lasts: whoever changes the term record holds it for that long alone.
    inner: Arc<Box<dyn Leadership>>,
    /// This node.
    seat: NodeId,
    outlet: Outlet,
}

impl SeatedLeadership {
    fn into_inner(self) -> Result<Box<dyn Leadership>> {
        Arc::into_inner(self.inner).ok_or_else(in_use)
    }

    /// Gives the seat to a standby whose log holds everything. Where it has one of its own, this node gives its own up if
    /// there are enough without: nobody then waits for it to follow.
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
        let next = (successor.clone(), follower.log_id);
        let in_sync = match self.outlet.rule() {
            None => vec![next],
            Some(rule) => {
                let mut seats = self.outlet.seats();
                if !seats.contains(&next) {
                    return Err(Error::new(ErrorKind::Unavailable, "hand the seat over")
                        .context(format!("{successor} is not in sync")));
                }
                if seats.len() > rule.min_acks + 1 {
                    seats.retain(|(node, _)| *node != self.seat);
                }
                seats
            }
        };
        let record = TermRecord {
            epoch: self.inner.token().epoch,
            in_sync,
            committed,
        };
        self.inner.publish(&record).await
    }
}

fn in_use() -> Error {
    Error::new(ErrorKind::Unavailable, "end the term").context("the in-sync set is being changed")
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
        // Whoever changes the term record would do it for the epoch before.
        Err(
            Error::new(ErrorKind::Unsupported, "reopen").context(format!(
                "a term with a seat ends, and another begins (above epoch {at_least})"
            )),
        )
    }

    async fn resign(self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        if let Some(node) = successor
            && let Err(error) = self.hand_over(node).await
        {
            // Its answer may be lost: then the successor has the seat, and this node is in its way for a moment only.
            tracing::warn!(%error, successor = %node, "the seat stays with this node");
            return self.into_inner()?.resign(None).await;
        }
        self.into_inner()?.resign(successor).await
    }
}
