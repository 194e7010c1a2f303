use async_trait::async_trait;
use tokio::sync::watch;

use super::election_space::MemoryElectionSpace;
use super::error::error;
use crate::lease::{Lease, Renewal, Terms};
use standfast_core::{
    BootInstant, Clock, Epoch, ErrorKind, FenceToken, Leadership, NodeId, Result, TermRecord,
};

/// A term won in memory. Dropping it is what the death of a process is elsewhere: the seat is free at once.
#[derive(Debug)]
pub(super) struct MemoryLeadership {
    space: MemoryElectionSpace,
    id: u128,
    token: FenceToken,
    lease: Lease,
}

impl MemoryLeadership {
    pub(super) fn start(
        space: MemoryElectionSpace,
        clock: &Clock,
        terms: Terms,
        token: FenceToken,
        valid_from: BootInstant,
    ) -> Result<Self> {
        let id = token.nonce;
        let (renewed, now) = (space.clone(), clock.clone());
        let lease = Lease::start(clock, terms, valid_from, move || {
            // The deadline that others wait for is counted from within the store, later than the validity.
            if renewed.renew(id, now.now().plus(terms.ttl)) {
                return Renewal::Held;
            }
            match renewed.look(|state| state.held_by(id, "renew")) {
                Err(error) if *error.kind() == ErrorKind::Fenced => Renewal::Lost,
                _ => Renewal::Unsure,
            }
        })
        .map_err(|source| error(ErrorKind::Unavailable, "campaign").source(source))?;
        Ok(Self {
            space,
            id,
            token,
            lease,
        })
    }
}

#[async_trait]
impl Leadership for MemoryLeadership {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.lease.validity()
    }

    async fn confirm(&self) -> Result<()> {
        self.space
            .look(|state| state.held_by(self.id, "confirm"))
            .map(|_| ())
    }

    async fn announce(&self) -> Result<()> {
        self.space.change(|state| state.announce(self.id))
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        self.space.change(|state| state.publish(self.id, record))
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        self.token.epoch = self.space.change(|state| state.reopen(self.id, at_least))?;
        self.token.nonce = rand::random();
        Ok(())
    }

    async fn resign(mut self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        // Believing ends before others may begin to.
        self.lease.stop();
        self.space.release(|state| state.leave(self.id, successor));
        Ok(())
    }
}

impl Drop for MemoryLeadership {
    fn drop(&mut self) {
        self.lease.stop();
        self.space.release(|state| state.leave(self.id, None));
    }
}
