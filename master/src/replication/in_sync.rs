use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use standfast_core::{LogId, NodeId, Position, Seq};

use super::followers::Follower;

/// A place in the in-sync set: a node, and the disk that its log is on.
pub type Seat = (NodeId, LogId);

/// When an entry counts as replicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InSyncRule {
    /// Least number of standbys in the in-sync set.
    pub min_acks: usize,
    /// Whether writes wait while there are fewer; else they are acknowledged by those that are there.
    pub blocks: bool,
    /// How long a member that is connected may owe its answer.
    pub member_timeout: Duration,
}

/// Who must hold an entry in its own log before it is committed.
///
/// ```text
///   the term record   {a, b, c} ───────────────────────▶ {a, b}
///   a change             sent ····· not answered ·····▶ answered
///   who counts        {a, b, c}    {a, b, c} ∪ {a, b}     {a, b}
/// ```
///
/// Whoever is elected next is of the set as the record has it, and the leader cannot know whether a change that was not
/// answered is in it. So it counts the members of both. (Kafka's in-sync replicas; that the union is needed, and the leader
/// itself a member, shows an exhaustive search: `a_candidate_of_the_record_holds_all_that_was_acknowledged`.)
#[derive(Clone, Debug)]
pub(super) struct InSync {
    rule: InSyncRule,
    own: Seat,
    /// As the term record has it.
    seats: BTreeSet<Seat>,
    /// A change that was sent and not answered.
    sent: Option<BTreeSet<Seat>>,
    /// Whoever is about to become a member: a moment behind, and waited for, so that it ever lacks nothing.
    courted: BTreeSet<Seat>,
}

impl InSync {
    /// The set of a term that begins, as its record has it. `own` is a member.
    pub(super) fn new(rule: InSyncRule, own: Seat, seats: impl IntoIterator<Item = Seat>) -> Self {
        Self {
            rule,
            own,
            seats: seats.into_iter().collect(),
            sent: None,
            courted: BTreeSet::new(),
        }
    }

    /// The set, as the term record has it.
    pub(super) const fn seats(&self) -> &BTreeSet<Seat> {
        &self.seats
    }

    /// Whether a change is on its way.
    pub(super) const fn changes(&self) -> bool {
        self.sent.is_some()
    }

    /// Whose logs count at the moment, this node's aside.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Seat> {
        let added: BTreeSet<_> = self.sent.iter().flatten().chain(&self.courted).collect();
        let added = added.into_iter().filter(|seat| !self.seats.contains(*seat));
        self.seats
            .iter()
            .chain(added)
            .filter(|seat| **seat != self.own)
    }

    /// Waits for these as well from now on, and for no other but the members.
    pub(super) fn court(&mut self, seats: impl IntoIterator<Item = Seat>) {
        self.courted = seats.into_iter().collect();
    }

    /// Whether all that counts up to `end` is in all logs that count, and these are as many as asked for.
    pub(super) fn holds(&self, followers: &BTreeMap<NodeId, Follower>, end: Seq) -> bool {
        self.is_enough(self.seats.len())
            && self
                .counted()
                .all(|seat| synced(followers, seat).is_some_and(|at| at.seq >= end))
    }

    /// Whether a set of so many members may acknowledge.
    pub(super) fn is_enough(&self, members: usize) -> bool {
        !self.rule.blocks || members > self.rule.min_acks
    }

    /// Whether writes wait while there are too few.
    pub(super) const fn blocks(&self) -> bool {
        self.rule.blocks
    }

    /// How many standbys are asked for.
    pub(super) const fn min_acks(&self) -> usize {
        self.rule.min_acks
    }

    /// Changes the set, if there is anything to change and no change is on its way: gives what to write to the term record.
    ///
    /// Whoever is away stays a member as long as the set would be too small to acknowledge without it: nothing would be
    /// gained, and its log, which lacks nothing, could not lead any more.
    pub(super) fn change(
        &mut self,
        joining: impl IntoIterator<Item = Seat>,
        leaving: impl IntoIterator<Item = Seat>,
    ) -> Option<BTreeSet<Seat>> {
        if self.changes() {
            return None;
        }
        let mut changed = self.seats.clone();
        changed.extend(joining);
        for seat in leaving {
            if seat != self.own && self.is_enough(changed.len().saturating_sub(1)) {
                changed.remove(&seat);
            }
        }
        if changed == self.seats {
            return None;
        }
        self.sent = Some(changed.clone());
        Some(changed)
    }

    /// The change is in the record.
    pub(super) fn answered(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.seats = sent;
        }
    }
}

/// Up to where the log of a seat is synced, as its node said last; `None` when it is not connected.
pub(super) fn synced(followers: &BTreeMap<NodeId, Follower>, seat: &Seat) -> Option<Position> {
    let (node, log_id) = seat;
    let follower = followers.get(node);
    follower
        .filter(|follower| follower.log_id == *log_id)
        .map(|follower| follower.synced)
}
