use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::error::{error, not_initialised};
use super::link::MemoryLink;
use standfast_core::{
    BootInstant, Candidate, Epoch, ErrorKind, Fingerprint, LeaderRecord, Member, NodeId, Result,
    TermRecord,
};

/// The storage that several [`super::MemoryElection`] handles share.
#[derive(Clone, Debug, Default)]
pub struct MemoryElectionSpace {
    shared: Arc<Shared>,
    link: MemoryLink,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<ElectionState>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
pub(super) struct ElectionState {
    cluster: Option<Fingerprint>,
    /// Highest epoch ever granted.
    counter: Epoch,
    /// Highest epoch ever announced.
    pub(super) announced: Epoch,
    holder: Option<Holder>,
    /// Whom the last holder wished to follow it.
    successor: Option<NodeId>,
    members: BTreeMap<NodeId, (u128, Member)>,
    term: Option<TermRecord>,
}

/// Who leads. `id` is drawn for each won campaign and stays over `reopen`.
#[derive(Debug)]
struct Holder {
    id: u128,
    record: LeaderRecord,
    deadline: BootInstant,
    /// Renewals do not reach the space: what a frozen process looks like to the others.
    frozen: bool,
}

impl MemoryElectionSpace {
    /// An empty space of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the renewals of the present leader come to nothing, as if its process stood still. It loses its
    /// lease when its ttl has passed.
    pub fn freeze_leader(&self) {
        self.freeze(true);
    }

    /// Lets a frozen leader go on: it renews its lease, if nobody took its seat.
    pub fn thaw_leader(&self) {
        self.freeze(false);
    }

    fn freeze(&self, frozen: bool) {
        self.release(|state| {
            if let Some(holder) = &mut state.holder {
                holder.frozen = frozen;
            }
        });
    }

    /// The same space, reached over `link`.
    #[must_use]
    pub fn over(&self, link: &MemoryLink) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            link: link.clone(),
        }
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&ElectionState) -> Result<T>) -> Result<T> {
        let state = self.shared.state.lock();
        self.link.check()?;
        look(&state)
    }

    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut ElectionState) -> Result<T>,
    ) -> Result<T> {
        let result = {
            let mut state = self.shared.state.lock();
            self.link.check()?;
            change(&mut state)
        };
        self.shared.changes.send_modify(|n| *n += 1);
        result
    }

    /// A change on the way out: over a cut link it comes to nothing.
    pub(super) fn release(&self, change: impl FnOnce(&mut ElectionState)) {
        let released = self.change(|state| {
            change(state);
            Ok(())
        });
        if let Err(error) = released {
            tracing::debug!(%error, "left without a word");
        }
    }

    /// A renewal changes nothing that anybody waits for.
    pub(super) fn renew(&self, id: u128, deadline: BootInstant) -> bool {
        let mut state = self.shared.state.lock();
        !self.link.is_cut() && state.renew(id, deadline)
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }
}

impl ElectionState {
    pub(super) fn cluster(&self) -> Option<Fingerprint> {
        self.cluster
    }

    pub(super) fn init(&mut self, cluster: Fingerprint) -> Result<()> {
        let own = *self.cluster.get_or_insert(cluster);
        if own == cluster {
            return Ok(());
        }
        Err(error(ErrorKind::Foreign, "init").context(format!(
            "the space belongs to the cluster with fingerprint {own}, this is {cluster}"
        )))
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.counter
    }

    /// Who leads at `now`.
    pub(super) fn current(&self, now: BootInstant) -> Option<LeaderRecord> {
        self.holder
            .as_ref()
            .filter(|holder| now < holder.deadline)
            .map(|holder| holder.record.clone())
    }

    pub(super) fn successor(&self) -> Option<&NodeId> {
        self.successor.as_ref()
    }

    /// Grants a term if nobody holds one at `now`.
    pub(super) fn claim(
        &mut self,
        claim: Claim<'_>,
        now: BootInstant,
    ) -> Result<Option<(Fingerprint, Epoch)>> {
        let cluster = self.cluster.ok_or_else(|| not_initialised("campaign"))?;
        if self.current(now).is_some() {
            return Ok(None);
        }
        let epoch = self.counter.max(claim.at_least).next();
        self.counter = epoch;
        self.successor = None;
        self.holder = Some(Holder {
            id: claim.id,
            record: LeaderRecord {
                candidate: claim.candidate.clone(),
                epoch,
                serving: false,
            },
            deadline: now.plus(claim.ttl),
            frozen: false,
        });
        Ok(Some((cluster, epoch)))
    }

    fn renew(&mut self, id: u128, deadline: BootInstant) -> bool {
        match self.holder_mut(id) {
            Some(holder) => {
                if !holder.frozen {
                    holder.deadline = deadline;
                }
                !holder.frozen
            }
            None => false,
        }
    }

    fn holder_mut(&mut self, id: u128) -> Option<&mut Holder> {
        self.holder.as_mut().filter(|holder| holder.id == id)
    }

    /// Whether `id` leads; the record's epoch if it does.
    pub(super) fn held_by(&self, id: u128, operation: &'static str) -> Result<Epoch> {
        match &self.holder {
            Some(holder) if holder.id == id => Ok(holder.record.epoch),
            _ => Err(error(ErrorKind::Fenced, operation).context(format!(
                "another leads, or nobody; the highest epoch granted is {}",
                self.counter
            ))),
        }
    }

    pub(super) fn announce(&mut self, id: u128) -> Result<()> {
        self.held_by(id, "announce")?;
        if let Some(holder) = self.holder_mut(id) {
            holder.record.serving = true;
            self.announced = holder.record.epoch;
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, id: u128, record: &TermRecord) -> Result<()> {
        let epoch = self.held_by(id, "publish term record")?;
        if record.epoch != epoch {
            return Err(
                error(ErrorKind::Fenced, "publish term record").context(format!(
                    "the record is of epoch {}, the term is {epoch}",
                    record.epoch
                )),
            );
        }
        self.term = Some(record.clone());
        Ok(())
    }

    pub(super) fn term_record(&self) -> Option<TermRecord> {
        self.term.clone()
    }

    pub(super) fn reopen(&mut self, id: u128, at_least: Epoch) -> Result<Epoch> {
        self.held_by(id, "reopen")?;
        self.counter = self.counter.max(at_least).next();
        let epoch = self.counter;
        if let Some(holder) = self.holder_mut(id) {
            holder.record.epoch = epoch;
        }
        Ok(epoch)
    }

    /// Ends the leadership of `id`, and of no other (EL-5).
    pub(super) fn leave(&mut self, id: u128, successor: Option<&NodeId>) {
        if self.holder_mut(id).is_some() {
            self.holder = None;
            self.successor = successor.cloned();
        }
    }

    /// The holder is an object of this process: as long as it leads it lives.
    pub(super) fn depose(&self, expected: Epoch, now: BootInstant) -> Result<()> {
        match self.current(now) {
            Some(record) if record.epoch == expected => {
                Err(error(ErrorKind::Unavailable, "depose").context(format!(
                    "{} leads epoch {expected} and its handle lives in this process",
                    record.candidate.node
                )))
            }
            _ => Err(error(ErrorKind::NotFound, "depose")
                .context(format!("epoch {expected} does not lead"))),
        }
    }

    pub(super) fn members(&self) -> Vec<Member> {
        self.members
            .values()
            .map(|(_, member)| member.clone())
            .collect()
    }

    pub(super) fn register(&mut self, id: u128, member: &Member) -> Result<()> {
        self.cluster.ok_or_else(|| not_initialised("register"))?;
        let node = member.candidate.node.clone();
        if let Some((other, _)) = self.members.get(&node)
            && *other != id
        {
            return Err(error(ErrorKind::AlreadyExists, "register").context(format!(
                "node `{node}` is registered by another handle of this process: give each node its own id"
            )));
        }
        self.members.insert(node, (id, member.clone()));
        Ok(())
    }

    pub(super) fn unregister(&mut self, id: u128) {
        self.members.retain(|_, (other, _)| *other != id);
    }
}

/// What a campaign asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) id: u128,
    pub(super) candidate: &'a Candidate,
    pub(super) at_least: Epoch,
    pub(super) ttl: Duration,
}
