use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::election_space::{Claim, MemoryElectionSpace};
use super::error::NAME;
use super::leadership::MemoryLeadership;
use super::registration::MemoryRegistration;
use crate::lease::{SUCCESSOR_HEAD_START, Terms};
use standfast_core::{
    Candidate, Clock, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch, FenceToken,
    Fingerprint, LeaderRecord, Leadership, Member, NodeId, Reach, Registration, Result, Store,
    TermRecord,
};

/// How often a candidate looks at the clock: a lease runs out without a sign.
const LOOK: Duration = Duration::from_millis(5);

/// An election in memory.
#[derive(Clone, Debug)]
pub struct MemoryElection {
    space: MemoryElectionSpace,
    clock: Clock,
    terms: Terms,
}

impl MemoryElection {
    /// Opens a handle on `space`, with a ttl of 5 s.
    pub fn open(space: &MemoryElectionSpace, clock: Clock) -> Self {
        Self {
            space: space.clone(),
            clock,
            terms: Terms::new(None, None),
        }
    }

    /// The same with another ttl; the margin is a tenth of it.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        self.with_terms(Terms::new(Some(standfast_core::Span(ttl)), None))
    }

    /// The same, renewed at this pace instead of ten times in a ttl: for tests that move a manual clock and wait
    /// until the lease has come along.
    #[must_use]
    pub fn with_beat(mut self, beat: Duration) -> Self {
        self.terms.beat = beat;
        self
    }

    pub(super) fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    fn try_claim(&self, claim: Claim<'_>) -> Result<Option<Box<dyn Leadership>>> {
        let now = self.clock.now();
        let Some((cluster, epoch)) = self.space.change(|state| state.claim(claim, now))? else {
            return Ok(None);
        };
        let token = FenceToken {
            cluster,
            epoch,
            holder: claim.candidate.node.clone(),
            nonce: claim.id,
            proof: NAME.to_owned(),
        };
        let space = self.space.clone();
        let leadership = MemoryLeadership::start(space, &self.clock, self.terms, token, now)?;
        Ok(Some(Box::new(leadership)))
    }

    /// Whether the seat is free at this moment.
    fn is_free(&self) -> Result<bool> {
        let now = self.clock.now();
        self.space.look(|state| Ok(state.current(now).is_none()))
    }
}

#[async_trait]
impl Store for MemoryElection {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.space.look(|state| Ok(state.cluster()))
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.space.change(|state| state.init(cluster))
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl ElectionBackend for MemoryElection {
    fn capabilities(&self) -> ElectionCapabilities {
        ElectionCapabilities::new(Reach::Process, true)
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let claim = Claim {
            id: rand::random(),
            candidate,
            at_least,
            ttl: self.terms.ttl,
        };
        let mut changes = self.space.changes();
        let mut free_since = None;
        loop {
            changes.mark_unchanged();
            if !self.is_free()? {
                free_since = None;
            } else if self.is_our_turn(
                &candidate.node,
                *free_since.get_or_insert_with(Instant::now),
            )? && let Some(leadership) = self.try_claim(claim)?
            {
                return Ok(leadership);
            }
            // Either a change or the time to look again.
            drop(timeout(LOOK, changes.changed()).await);
        }
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        let now = self.clock.now();
        self.space.look(|state| Ok(state.current(now)))
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.space.look(|state| Ok(state.epoch()))
    }

    async fn announced(&self) -> Result<Epoch> {
        self.space.look(|state| Ok(state.announced))
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        self.space.look(|state| Ok(state.term_record()))
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        Ok(Box::new(MemoryElectionWatch {
            election: self.clone(),
            changes: self.space.changes(),
            told: Told::Nothing,
        }))
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.space.look(|state| Ok(state.members()))
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        MemoryRegistration::new(self.space.clone(), member)
            .map(|registration| Box::new(registration) as Box<dyn Registration>)
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        let now = self.clock.now();
        self.space.look(|state| state.depose(expected, now))
    }
}

impl MemoryElection {
    /// A named successor gets a head start over all others.
    fn is_our_turn(&self, node: &NodeId, free_since: Instant) -> Result<bool> {
        let waited = free_since.elapsed() >= SUCCESSOR_HEAD_START;
        self.space
            .look(|state| Ok(waited || state.successor().is_none_or(|successor| successor == node)))
    }
}

/// What a watch said last.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Leader(Option<LeaderRecord>),
}

/// Follows who leads.
#[derive(Debug)]
struct MemoryElectionWatch {
    election: MemoryElection,
    changes: watch::Receiver<u64>,
    told: Told,
}

#[async_trait]
impl ElectionWatch for MemoryElectionWatch {
    async fn next(&mut self) -> Result<Option<LeaderRecord>> {
        loop {
            self.changes.mark_unchanged();
            let now = self.election.clock.now();
            let current = self.election.space.look(|state| Ok(state.current(now)))?;
            let told = Told::Leader(current.clone());
            if self.told != told {
                self.told = told;
                return Ok(current);
            }
            // Cancel safe, both: nothing is taken out of a watch, and a pause has no result.
            tokio::select! {
                _ = self.changes.changed() => {}
                () = sleep(LOOK) => {}
            }
        }
    }
}
