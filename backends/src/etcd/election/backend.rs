use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::Txn;
use tokio::time::Instant;

use super::claim;
use super::registration::{EtcdRegistration, members};
use super::seat::Seat;
use super::space::ElectionSpace;
use super::watch::{EtcdElectionWatch, SeatWatch};
use crate::etcd::access::Access;
use crate::etcd::cluster;
use crate::etcd::connection::Connection;
use crate::etcd::error::{NAME, error};
use crate::etcd::layout::Layout;
use crate::etcd::members as etcd_members;
use crate::etcd::probe;
use crate::etcd::transaction::{delete, is};
use crate::lease::{SUCCESSOR_HEAD_START, Terms};
use standfast_core::{
    Candidate, Clock, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch, ErrorKind,
    Fingerprint, LeaderRecord, Leadership, Member, NodeId, Reach, Registration, Result, Server,
    Span, Store, TermRecord,
};

/// An election in etcd.
///
/// Who holds the key `leader` leads, for as long as its lease. Of a leader on the same host death is proved, and its lease is
/// not waited for.
#[derive(Clone, Debug)]
pub struct EtcdElection {
    space: Arc<ElectionSpace>,
}

impl EtcdElection {
    /// A handle on the election under `root` in the etcd whose members are at `endpoints`, at least one, with leases of `ttl`
    /// and a margin of a tenth of it. Connects when it is first used, on the runtime that uses it. Members at `https://` are
    /// believed if the system trusts them.
    pub fn open(endpoints: &[String], root: &str, clock: Clock, ttl: Duration) -> Self {
        let connection = Connection::new(endpoints, Access::default());
        Self::at(
            connection,
            Layout::new(root),
            clock,
            Terms::new(Some(Span(ttl)), None),
        )
    }

    pub(in crate::etcd) fn at(
        connection: Connection,
        layout: Layout,
        clock: Clock,
        terms: Terms,
    ) -> Self {
        let space = ElectionSpace::new(connection, layout, clock, terms);
        Self {
            space: Arc::new(space),
        }
    }

    /// Takes the seat of a leader whose process is proved dead, and of no other.
    async fn unseat(&self, seat: &Seat) -> Result<()> {
        let Some(leader) = &seat.leader else {
            return Ok(());
        };
        let layout = self.space.layout();
        // By its bytes, and not by its lease alone: a key that was put back by hand may have none.
        let unseat = Txn::new()
            .when([is(layout.leader(), Some(&leader.bytes))])
            .and_then([delete(layout.leaders())]);
        let connection = self.space.connection();
        let unseated = connection.call("depose", |mut clients| {
            let unseat = unseat.clone();
            async move { clients.kv.txn(unseat).await }
        });
        unseated.await.map(drop)
    }

    /// When it is our turn to claim a seat that has been free since then: a named successor goes first.
    fn turn(seat: &Seat, node: &NodeId, free_since: Instant) -> Instant {
        let successor = seat.epochs.as_ref().and_then(|e| e.is.successor.as_ref());
        match successor {
            Some(successor) if successor != node => free_since + SUCCESSOR_HEAD_START,
            _ => free_since,
        }
    }
}

#[async_trait]
impl Store for EtcdElection {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        cluster::read(self.space.connection(), self.space.layout()).await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        cluster::init(self.space.connection(), self.space.layout(), cluster).await
    }

    async fn probe(&self) -> Result<()> {
        probe::probe(self.space.connection(), self.space.layout()).await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        etcd_members::servers(self.space.connection()).await
    }
}

#[async_trait]
impl ElectionBackend for EtcdElection {
    fn capabilities(&self) -> ElectionCapabilities {
        ElectionCapabilities::new(Reach::Cluster, true)
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let mut watch = SeatWatch::new(&self.space);
        let mut free_since = None;
        loop {
            let seat = self.space.look("campaign").await?;
            let until = match &seat.leader {
                Some(leader) if leader.is.is_dead() => {
                    self.unseat(&seat).await?;
                    continue;
                }
                Some(_) => {
                    free_since = None;
                    // The watch looks by itself from time to time.
                    Instant::now() + self.space.terms.ttl
                }
                None => {
                    let since = *free_since.get_or_insert_with(Instant::now);
                    let turn = Self::turn(&seat, &candidate.node, since);
                    if Instant::now() >= turn {
                        self.space.check_key(&seat).await?;
                        let won = self.space.claim(candidate, at_least, seat).await?;
                        if let Some(won) = won {
                            return Ok(Box::new(won));
                        }
                        continue;
                    }
                    turn
                }
            };
            watch.changed(&seat, until).await?;
        }
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        Ok(self.space.look("current").await?.current())
    }

    async fn epoch(&self) -> Result<Epoch> {
        Ok(self.space.look("epoch").await?.granted())
    }

    async fn announced(&self) -> Result<Epoch> {
        Ok(self.space.look("announced").await?.announced())
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        let layout = self.space.layout();
        let key = layout.term();
        let answer = self
            .space
            .connection()
            .call("read term record", |mut clients| {
                let key = key.as_str();
                async move { clients.kv.get(key, None).await }
            });
        let found = answer.await?.take_kvs().into_iter().next();
        claim::term(layout, found.map(|kv| kv.into_key_value().1))
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        Ok(Box::new(EtcdElectionWatch::new(&self.space)))
    }

    async fn members(&self) -> Result<Vec<Member>> {
        let (from, to) = self.space.layout().nodes();
        // For who looks at the status: what one member knows will do, as long as it hears of the others.
        let options = etcd_client::GetOptions::new()
            .with_range(to)
            .with_serializable();
        let answer = self.space.connection().call("list members", |mut clients| {
            let (from, options) = (from.as_str(), options.clone());
            async move { clients.kv.get(from, Some(options)).await }
        });
        members(answer.await?.take_kvs())
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        // An election that belongs to no cluster has no members.
        self.space.look("register").await?;
        let space = &self.space;
        let registration = EtcdRegistration::begin(
            space.connection().sibling(),
            space.layout().clone(),
            space.terms,
            space.clock.clone(),
            member.clone(),
        );
        Ok(Box::new(registration.await?))
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        let seat = self.space.look("depose").await?;
        let Some(leader) = seat.leader.as_ref().filter(|l| l.is.epoch == expected) else {
            return Err(error(ErrorKind::NotFound, "depose")
                .context(format!("epoch {expected} does not lead")));
        };
        if leader.is.is_dead() {
            return self.unseat(&seat).await;
        }
        Err(error(ErrorKind::Unavailable, "depose").context(format!(
            "{} leads epoch {expected}, and is not proved dead: its lease has to run out",
            leader.is.candidate.node
        )))
    }
}
