//! All that can happen to two entries of a term with three nodes: whoever is elected next, all that was acknowledged is in its
//! log.
//!
//! The search is over [`Followers`] as it is. Nodes store, answer late, lose their stream, get another disk; members come and
//! go, and the record of that may land at any time before its answer; a node of the record claims the next epoch at any time,
//! and the leader, which knows nothing of it, goes on.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use standfast_core::{Epoch, LogId, NodeId, Position, Seq};

use super::followers::{Follower, Followers};
use super::in_sync::{InSync, InSyncRule, Seat};

const NODES: usize = 3;
const ENTRIES: u64 = 2;
const EPOCH: Epoch = Epoch(1);

/// The rules, or one of them broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Kept,
    /// The new set counts as soon as it is sent.
    OldMembersForgotten,
    /// What the leader's own disk has not got counts as stored.
    LeaderLeftAside,
    /// A seat is a node's, whatever disk it has.
    SeatOfAnyDisk,
    /// What the term began with is nobody's duty.
    FoundForgotten,
}

#[derive(Clone, Debug)]
struct World {
    rules: Rules,
    /// As the leader sees it: node 0.
    leader: Followers,
    sent: u64,
    stored: u64,
    /// Synced in the log of each node, and which disk that is.
    logs: [u64; NODES],
    disks: [u128; NODES],
    /// The term record, and whether the change that the leader waits for is in it.
    record: BTreeSet<Seat>,
    change: Option<(BTreeSet<Seat>, bool)>,
    acknowledged: u64,
    /// Whether all members hold what the term began with.
    begun: bool,
    /// Who claimed the next epoch.
    next: Option<usize>,
}

fn name(node: usize) -> NodeId {
    NodeId::new(format!("n{node}")).unwrap()
}

fn at(seq: u64) -> Position {
    Position {
        epoch: EPOCH,
        seq: Seq(seq),
        ..Position::default()
    }
}

impl World {
    /// A term that begins with an empty log, or with an entry that the term before has acknowledged and the third node, which
    /// is no member, may lack. Readers of the log do not see it yet.
    fn new(rules: Rules, blocks: bool, found: u64) -> Self {
        let disks = [1, 2, 3];
        let rule = InSyncRule {
            min_acks: 1,
            blocks,
            member_timeout: Duration::ZERO,
        };
        let members = if found > 0 { NODES - 1 } else { NODES };
        let record: BTreeSet<Seat> = (0..members).map(|n| (name(n), LogId(disks[n]))).collect();
        let in_sync = InSync::new(rule, (name(0), LogId(1)), record.clone());
        let begins = if rules == Rules::FoundForgotten {
            0
        } else {
            found
        };
        Self {
            rules,
            leader: Followers::begin(EPOCH, at(begins), at(0), Some(in_sync)),
            sent: found,
            stored: found,
            logs: [found, found, 0],
            disks,
            record,
            change: None,
            acknowledged: found,
            begun: found == 0,
            next: None,
        }
    }

    fn seat(&self, node: usize) -> Seat {
        (name(node), LogId(self.disks[node]))
    }

    fn with(&self, step: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        step(&mut next);
        next
    }

    /// Everything that can happen next.
    fn steps(&self) -> Vec<Self> {
        let mut steps = Vec::new();
        self.leader_steps(&mut steps);
        self.record_steps(&mut steps);
        for node in 1..NODES {
            self.standby_steps(node, &mut steps);
        }
        if self.next.is_none() {
            let may = (0..NODES).filter(|node| self.may_lead(*node));
            steps.extend(may.map(|node| self.with(|world| world.next = Some(node))));
        }
        steps
    }

    fn may_lead(&self, node: usize) -> bool {
        let seat = self.seat(node);
        let any_disk = self.rules == Rules::SeatOfAnyDisk;
        let mut record = self.record.iter();
        record.any(|other| *other == seat || any_disk && other.0 == seat.0)
    }

    fn leader_steps(&self, steps: &mut Vec<Self>) {
        if !self.begun && self.leader.holds(Seq(self.sent)) {
            steps.push(self.with(|world| world.begun = true));
        }
        if self.begun && self.sent == self.acknowledged && self.sent < ENTRIES {
            steps.push(self.with(|world| {
                world.sent += 1;
                world.leader.sending(at(world.sent));
                if world.rules == Rules::LeaderLeftAside {
                    world.leader.stored(at(world.sent));
                }
            }));
        }
        // Its disk may be slow; another leads from its log once it is restarted, and then it stores no more.
        if self.stored < self.sent && self.next != Some(0) {
            steps.push(self.with(|world| {
                world.stored = world.sent;
                world.logs[0] = world.sent;
                world.leader.stored(at(world.sent));
            }));
        }
        let mut leader = self.leader.clone();
        if self.acknowledged < self.sent && leader.commit(at(self.sent)) {
            steps.push(self.with(|world| {
                world.leader = leader;
                world.acknowledged = world.sent;
            }));
        }
    }

    fn record_steps(&self, steps: &mut Vec<Self>) {
        if let Some((set, landed)) = &self.change {
            if !landed && self.next.is_none() {
                steps.push(self.with(|world| {
                    world.record.clone_from(set);
                    world.change = Some((set.clone(), true));
                }));
            }
            if *landed {
                steps.push(self.with(|world| {
                    world.leader.in_sync_mut().unwrap().answered();
                    world.change = None;
                }));
            }
            return;
        }
        let ready = self.leader.ready();
        let ready: Vec<_> = ready.into_iter().map(|(seat, _)| seat).collect();
        let members: Vec<_> = self.leader.in_sync().unwrap().counted().cloned().collect();
        let joins = ready.into_iter().map(|seat| (Some(seat), None));
        let leaves = members.into_iter().map(|seat| (None, Some(seat)));
        for (joining, leaving) in joins.chain(leaves) {
            let mut next = self.clone();
            let in_sync = next.leader.in_sync_mut().unwrap();
            if let Some(set) = in_sync.change(joining, leaving) {
                if next.rules == Rules::OldMembersForgotten {
                    in_sync.answered();
                }
                next.change = Some((set, false));
                steps.push(next);
            }
        }
    }

    fn standby_steps(&self, node: usize, steps: &mut Vec<Self>) {
        // Whoever claims has promised the next epoch.
        if self.next != Some(node) && self.logs[node] < self.sent {
            steps.push(self.with(|world| world.logs[node] += 1));
        }
        let follower = Follower {
            log_id: LogId(self.disks[node]),
            synced: at(self.logs[node]),
            stream: 0,
        };
        if self.leader.connected().get(&name(node)) == Some(&follower) {
            steps.push(self.with(|world| {
                world.leader.left(&name(node), 0);
            }));
        } else {
            steps.push(self.with(|world| {
                world.leader.synced(EPOCH, &name(node), follower);
            }));
        }
        if self.next.is_none() && self.disks[node] < 10 {
            steps.push(self.with(|world| {
                world.disks[node] += 10;
                world.logs[node] = 0;
                world.leader.left(&name(node), 0);
            }));
        }
    }
}

/// Looks at all that can happen: the first world in which something acknowledged is not in the log of whoever claimed.
fn search(first: World) -> Option<World> {
    let mut seen = HashSet::from([format!("{first:?}")]);
    let mut open = VecDeque::from([first]);
    let mut claims = 0;
    while let Some(world) = open.pop_front() {
        if let Some(node) = world.next {
            claims += 1;
            if world.logs[node] < world.acknowledged {
                return Some(world);
            }
        }
        for step in world.steps() {
            if seen.insert(format!("{step:?}")) {
                open.push_back(step);
            }
        }
    }
    assert!(claims > 1000, "{claims} of {}", seen.len());
    None
}

#[test]
fn a_candidate_of_the_record_holds_all_that_was_acknowledged() {
    for (blocks, found) in [(true, 0), (false, 0), (true, 1), (false, 1)] {
        let lost = search(World::new(Rules::Kept, blocks, found));
        assert!(lost.is_none(), "{lost:#?}");
    }
}

#[test]
fn each_rule_that_is_broken_loses_something() {
    for (broken, found) in [
        (Rules::OldMembersForgotten, 0),
        (Rules::LeaderLeftAside, 0),
        (Rules::SeatOfAnyDisk, 0),
        (Rules::FoundForgotten, 1),
    ] {
        let lost = search(World::new(broken, false, found));
        assert!(lost.is_some(), "{broken:?}");
    }
}
