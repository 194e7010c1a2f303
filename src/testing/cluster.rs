use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use standfast_backends::MemoryLink;
use standfast_core::{
    BootInstant, Clock, ElectionBackend, Error, ErrorKind, NodeId, Position, Result, Service,
};
use standfast_master::TermHandle;

use super::member::Member;
use super::stores::Stores;
use super::wait::until;
use crate::node::NodeView;

/// So far the clock moves at once: a leader that lives renews its lease before the next step.
const STEP: Duration = Duration::from_secs(2);

/// Nodes of one service in this process, named `a`, `b`, `c` and on, over stores in memory.
///
/// What it waits for it waits for up to 10 s of the machine's time, then it is a `Timeout` that tells what every node
/// does. The nodes end when it is dropped.
pub struct Cluster {
    stores: Stores,
    members: BTreeMap<NodeId, Member>,
    patience: Duration,
}

impl Cluster {
    /// When a leader was cut off for this long, on the cluster's clock, another may lead.
    pub const LEASE: Duration = Stores::LEASE;

    /// Starts `nodes` nodes, 26 at most, of the service that `make` gives.
    ///
    /// # Errors
    /// `Invalid` for no node or too many; `Unavailable` when there is no room in the temporary directory.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing stays.
    pub async fn start<S: Service + 'static>(
        nodes: usize,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Self> {
        let names: Vec<_> = ('a'..='z').take(nodes).collect();
        if names.is_empty() || names.len() < nodes {
            return Err(Error::new(ErrorKind::Invalid, "start cluster")
                .context(format!("{nodes} nodes, where 1 to 26 are possible")));
        }
        let mut cluster = Self {
            stores: Stores::new(Arc::new(move || Box::new(make()))).await?,
            members: BTreeMap::new(),
            patience: Duration::from_secs(10),
        };
        for name in names {
            let node = NodeId::new(name.to_string())?;
            cluster
                .members
                .insert(node.clone(), Member::new(MemoryLink::new()));
            cluster.restart(&node).await?;
        }
        Ok(cluster)
    }

    /// The same, with another time to wait for things than 10 s.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The clock of all nodes: leases, deadlines and the stamps that a service sees. It moves with
    /// [`advance`](Self::advance) only.
    pub const fn clock(&self) -> &Clock {
        &self.stores.clock
    }

    /// Waits for a node that leads, has announced it, and is not cut off.
    ///
    /// # Errors
    /// `Timeout` when there is none: too few nodes, or a leader that was cut off and whose lease has not run out.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn primary(&self) -> Result<NodeView> {
        let election = self.stores.election(&MemoryLink::new());
        let primary = || {
            let (member, term) = self.leader()?;
            // A term that is not announced yet ends when its node is cut off now, whatever its lease.
            let record = election.current().now_or_never()?.ok()??;
            let announced = record.serving && record.epoch == term.token().epoch;
            member.view().filter(|_| announced)
        };
        self.until("a node leads", primary).await
    }

    /// A node, whatever it does: its role, its door.
    ///
    /// # Errors
    /// `NotFound` for a name that no node has, and for one that was killed.
    pub fn node(&self, node: &NodeId) -> Result<NodeView> {
        let member = self.members.get(node).ok_or_else(|| unknown(node))?;
        member.view().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "look at node")
                .context(format!("node `{node}` was killed: `restart` it first"))
        })
    }

    /// Waits until every node that runs and is not cut off has applied what the primary has committed, and compares
    /// their states. Propose nothing meanwhile.
    ///
    /// # Errors
    /// `Corrupt` when the states differ: `apply` is not deterministic, and `assert_deterministic` finds the entry.
    /// `Timeout` when nobody leads, or a node does not follow.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn settled(&self) -> Result<Position> {
        let settled = || {
            let (_, term) = self.leader()?;
            let committed = term.committed_position();
            let up = self.members.iter().filter(|(_, member)| member.is_up());
            let stand = up.map(|(node, member)| {
                let (position, digest) = member.stands()?;
                (position == committed).then_some((node, digest))
            });
            Some((committed, stand.collect::<Option<BTreeMap<_, _>>>()?))
        };
        let (position, digests) = self
            .until("all nodes stand where the primary does", settled)
            .await?;
        let mut values = digests.values();
        let first = values.next();
        if values.all(|digest| Some(digest) == first) {
            return Ok(position);
        }
        Err(Error::new(ErrorKind::Corrupt, "compare states").context(format!(
            "the same entries up to {position} made different states: {digests:?}; find out why with \
             `assert_deterministic`"
        )))
    }

    /// Kills a node as `kill -9` does: it answers nothing more, forgets its state, and is gone from the election at
    /// once. A node that is cut off keeps its lease until that has run out.
    ///
    /// # Errors
    /// `NotFound` for a name that no node has.
    ///
    /// # Cancel safety
    /// Cancel safe: the node dies.
    pub async fn kill(&mut self, node: &NodeId) -> Result<()> {
        self.member(node)?.kill().await;
        Ok(())
    }

    /// Starts a node that was killed; one that runs is killed first.
    ///
    /// # Errors
    /// `NotFound` for a name that no node has; `Unavailable` when the temporary directory cannot be written.
    ///
    /// # Cancel safety
    /// The node may stay killed.
    pub async fn restart(&mut self, node: &NodeId) -> Result<()> {
        self.kill(node).await?;
        let link = self.member(node)?.link.clone();
        let sources = self.stores.sources(node, &link)?;
        let config = self.stores.config(node)?;
        self.member(node)?.start(sources, config)
    }

    /// Cuts a node off from log and election. It lives and believes in its lease, but nothing that it does arrives. Once
    /// the lease has run out ([`advance`](Self::advance) by [`LEASE`](Self::LEASE)), another leads.
    ///
    /// # Errors
    /// `NotFound` for a name that no node has.
    pub fn cut(&mut self, node: &NodeId) -> Result<()> {
        self.member(node)?.link.cut();
        Ok(())
    }

    /// Ends what [`cut`](Self::cut) began.
    ///
    /// # Errors
    /// `NotFound` for a name that no node has.
    pub fn heal(&mut self, node: &NodeId) -> Result<()> {
        self.member(node)?.link.heal();
        Ok(())
    }

    /// Moves the clock on by `span`. A leader that is not cut off renews its lease on the way and leads on; one that is
    /// cut off loses it, and another takes over. A request under way meets its deadline if `span` passes it.
    ///
    /// An hour takes some seconds.
    ///
    /// # Errors
    /// `Timeout` when nodes are up and none comes to lead.
    ///
    /// # Cancel safety
    /// The clock may have moved a part of the way.
    pub async fn advance(&self, span: Duration) -> Result<()> {
        let mut left = span;
        self.leases_renewed().await?;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.stores.clock.advance(step);
            left -= step;
            self.leases_renewed().await?;
        }
        Ok(())
    }

    /// Waits until the leader has renewed its lease at the present time. Nobody is waited for while the seat belongs to
    /// a node that is silent, or when no node is up.
    async fn leases_renewed(&self) -> Result<()> {
        let fresh = self.fresh();
        let holder = self.stores.election(&MemoryLink::new()).current().await?;
        let silent = holder.is_some_and(|record| !self.is_up(&record.candidate.node));
        if silent || !self.members.values().any(Member::is_up) {
            return Ok(());
        }
        let renewed = || {
            let (_, term) = self.leader()?;
            let until = *term.validity().borrow();
            (until >= fresh).then_some(())
        };
        self.until("the leader renews its lease", renewed).await
    }

    async fn until<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> Result<T> {
        until(what, self.patience, look, || self.describe()).await
    }

    /// Until when a lease holds that is renewed now.
    fn fresh(&self) -> BootInstant {
        let span = Stores::LEASE.saturating_sub(Stores::MARGIN);
        self.stores.clock.now().plus(span)
    }

    fn is_up(&self, node: &NodeId) -> bool {
        self.members.get(node).is_some_and(Member::is_up)
    }

    fn leader(&self) -> Option<(&Member, TermHandle)> {
        let mut up = self.members.values().filter(|member| member.is_up());
        up.find_map(|member| Some((member, member.term()?)))
    }

    fn member(&mut self, node: &NodeId) -> Result<&mut Member> {
        self.members.get_mut(node).ok_or_else(|| unknown(node))
    }

    fn describe(&self) -> String {
        let members = self.members.iter();
        let told: Vec<_> = members
            .map(|(node, member)| format!("{node}: {}", member.describe()))
            .collect();
        told.join(", ")
    }
}

fn unknown(node: &NodeId) -> Error {
    Error::new(ErrorKind::NotFound, "look at node")
        .context(format!("the cluster has no node `{node}`"))
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({})", self.describe())
    }
}
