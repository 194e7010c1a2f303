use std::collections::BTreeMap;
use std::fmt;

use standfast_core::{Epoch, LogId, NodeId, Position, Seq};

use super::in_sync::{InSync, Seat, synced};

/// A standby that is sent the log of the newest term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Which disk its log is on.
    pub log_id: LogId,
    /// End of what is synced in its log, as it said last.
    pub synced: Position,
    /// Which of its streams said so.
    pub(super) stream: u64,
}

/// What a member of the in-sync set owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owes {
    /// It has no stream.
    Presence,
    /// What was sent last is not synced in its log, which ends there.
    Answer(Seq),
}

impl fmt::Display for Owes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Presence => "is away",
            Self::Answer(_) => "owes its answer",
        })
    }
}

/// How far the logs of a term are: this node's, and the standbys'.
#[derive(Clone, Debug, Default)]
pub(super) struct Followers {
    /// Of the term.
    epoch: Epoch,
    connected: BTreeMap<NodeId, Follower>,
    /// End of what was sent.
    sent: Position,
    /// End of what is synced in this node's own log.
    stored: Position,
    committed: Position,
    /// What the log ended with when the term began: the term before may have acknowledged it.
    found: Seq,
    /// Whose logs count; none where this node's own is enough.
    in_sync: Option<InSync>,
    /// Whether the term is given up, to members that do not reach this node.
    given_up: bool,
    /// Why writes wait, or are acknowledged by fewer than asked for.
    trouble: Option<String>,
}

impl Followers {
    /// A term begins with a log that ends at `tail`, and is committed up to `committed`.
    pub(super) fn begin(
        epoch: Epoch,
        tail: Position,
        committed: Position,
        in_sync: Option<InSync>,
    ) -> Self {
        Self {
            epoch,
            sent: tail,
            stored: tail,
            committed,
            found: tail.seq,
            in_sync,
            ..Self::default()
        }
    }

    pub(super) const fn connected(&self) -> &BTreeMap<NodeId, Follower> {
        &self.connected
    }

    pub(super) const fn in_sync(&self) -> Option<&InSync> {
        self.in_sync.as_ref()
    }

    pub(super) const fn in_sync_mut(&mut self) -> Option<&mut InSync> {
        self.in_sync.as_mut()
    }

    pub(super) const fn committed(&self) -> Position {
        self.committed
    }

    pub(super) const fn sending(&mut self, end: Position) {
        self.sent = end;
    }

    pub(super) const fn stored(&mut self, end: Position) {
        self.sent = end;
        self.stored = end;
    }

    /// A standby said how far its log is; false when it said so to another term, or has another stream by now.
    pub(super) fn synced(&mut self, epoch: Epoch, node: &NodeId, follower: Follower) -> bool {
        let known = self.connected.get(node);
        let is_newest = known.is_none_or(|known| known.stream <= follower.stream);
        let is_now = self.epoch == epoch && is_newest;
        if is_now {
            self.connected.insert(node.clone(), follower);
        }
        is_now
    }

    /// A stream has ended: what it said counts no more.
    pub(super) fn left(&mut self, node: &NodeId, stream: u64) -> bool {
        let follower = self.connected.get(node);
        let is_own = follower.is_some_and(|follower| follower.stream == stream);
        is_own && self.connected.remove(node).is_some()
    }

    /// Whether all logs that count hold `end`.
    pub(super) fn holds(&self, end: Seq) -> bool {
        let in_sync = self.in_sync.as_ref();
        self.stored.seq >= end && in_sync.is_none_or(|in_sync| in_sync.holds(&self.connected, end))
    }

    /// Commits up to `end`, if all logs that count hold it. Looked at and done at once: nobody joins in between.
    pub(super) fn commit(&mut self, end: Position) -> bool {
        let commits = self.holds(end.seq);
        if commits {
            self.committed = end;
        }
        commits
    }

    /// Who can be handed the term, `node` if named: its log is synced up to `position`, and counts if others do.
    pub(super) fn successor(
        &self,
        node: Option<&NodeId>,
        position: Position,
    ) -> Option<(NodeId, Follower)> {
        let can = |name: &NodeId, follower: &Follower| {
            let seat = (name.clone(), follower.log_id);
            let in_sync = self.in_sync.as_ref();
            node.is_none_or(|node| node == name)
                && follower.synced == position
                && in_sync.is_none_or(|in_sync| in_sync.seats().contains(&seat))
        };
        let mut all = self.connected.iter();
        let found = all.find(|(name, follower)| can(name, follower))?;
        Some((found.0.clone(), *found.1))
    }

    /// Members that do not do what members do.
    pub(super) fn owing(&self) -> BTreeMap<Seat, Owes> {
        let counted = self.in_sync.iter().flat_map(InSync::counted);
        let owing = counted.filter_map(|seat| {
            let owes = match synced(&self.connected, seat) {
                None => Owes::Presence,
                Some(at) if at.seq < self.sent.seq => Owes::Answer(at.seq),
                Some(_) => return None,
            };
            Some((seat.clone(), owes))
        });
        owing.collect()
    }

    /// Standbys that are no members and lack nothing that was acknowledged, each with its stream.
    pub(super) fn ready(&self) -> Vec<(Seat, u64)> {
        self.near(self.committed.seq)
    }

    /// Standbys that are no members and have all up to `end`, and all that the term began with.
    pub(super) fn near(&self, end: Seq) -> Vec<(Seat, u64)> {
        let end = end.max(self.found);
        let Some(in_sync) = &self.in_sync else {
            return Vec::new();
        };
        let mut outside = Vec::new();
        for (node, follower) in &self.connected {
            let seat = (node.clone(), follower.log_id);
            if follower.synced.seq >= end && !in_sync.seats().contains(&seat) {
                outside.push((seat, follower.stream));
            }
        }
        outside
    }

    /// Whether there are fewer standbys in sync than asked for, so many members left aside.
    pub(super) fn is_short_without(&self, leaving: usize) -> bool {
        self.in_sync.as_ref().is_some_and(|in_sync| {
            let members = in_sync.seats().len();
            members.saturating_sub(leaving) <= in_sync.min_acks()
        })
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether writes wait because there are too few.
    pub(super) fn waits(&self) -> bool {
        let members = self.in_sync.as_ref();
        self.trouble.is_some() && members.is_some_and(InSync::blocks)
    }

    pub(super) const fn is_given_up(&self) -> bool {
        self.given_up
    }

    pub(super) const fn give_up(&mut self) {
        self.given_up = true;
    }

    pub(super) fn set_trouble(&mut self, trouble: Option<String>) {
        self.trouble = trouble;
    }
}
