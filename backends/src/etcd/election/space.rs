use std::sync::Arc;

use super::claim::Claim;
use super::keeper::Keeper;
use super::leadership::EtcdLeadership;
use super::seat::Seat;
use crate::etcd::connection::Connection;
use crate::etcd::error::error;
use crate::etcd::layout::Layout;
use crate::lease::Terms;
use crate::off_thread::off_thread;
use standfast_core::{Candidate, Clock, Epoch, ErrorKind, Result};

/// One election in one etcd, as a handle sees it.
#[derive(Debug)]
pub(super) struct ElectionSpace {
    connection: Connection,
    layout: Layout,
    pub(super) clock: Clock,
    pub(super) terms: Terms,
}

impl ElectionSpace {
    pub(super) const fn new(
        connection: Connection,
        layout: Layout,
        clock: Clock,
        terms: Terms,
    ) -> Self {
        Self {
            connection,
            layout,
            clock,
            terms,
        }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// # Errors
    /// As [`Seat::look`].
    pub(super) async fn look(&self, operation: &'static str) -> Result<Seat> {
        Seat::look(&self.connection, &self.layout, operation).await
    }

    /// A seat that is free under our key, but taken under the one of the leader before us, is not free: some nodes are told
    /// another key than others. Whoever takes it after this changes the epochs, and our claim compares those.
    ///
    /// # Errors
    /// `Config`; `Unavailable`.
    pub(super) async fn check_key(&self, seat: &Seat) -> Result<()> {
        let Some(epochs) = &seat.epochs else {
            return Ok(());
        };
        let own = self.layout.leader();
        let theirs = self.layout.leader_of(epochs.is.leader_key.as_deref());
        if own == theirs {
            return Ok(());
        }
        let operation = "campaign";
        let found = self.connection.call(operation, |mut clients| {
            let theirs = theirs.as_str();
            async move { clients.kv.get(theirs, None).await }
        });
        if found.await?.kvs().is_empty() {
            return Ok(());
        }
        Err(error(ErrorKind::Config, operation).context(format!(
            "a leader is under {theirs}, and this node looks for it under {own}: give all nodes one `leader_key`; to change \
             it, stop them all first"
        )))
    }

    /// Claims a seat that was free when it was looked at. `None` when somebody else came first.
    ///
    /// # Errors
    /// `Quota`, `Auth`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: a seat that is won after that is given up at once.
    pub(super) async fn claim(
        self: &Arc<Self>,
        candidate: &Candidate,
        at_least: Epoch,
        seat: Seat,
    ) -> Result<Option<EtcdLeadership>> {
        let (space, candidate) = (Arc::clone(self), candidate.clone());
        off_thread("campaign", move || {
            let before = space.clock.now();
            let connection = space.connection.sibling();
            let keeper = Keeper::begin(connection, space.terms.ttl, "campaign")?;
            let claim = Claim::make(keeper, &space.layout, &candidate, at_least, &seat)?;
            let Some((claim, granted)) = claim else {
                return Ok(None);
            };
            let (node, clock) = (&candidate.node, &space.clock);
            EtcdLeadership::start(claim, &granted, node, clock, space.terms, before).map(Some)
        })
        .await
    }
}
