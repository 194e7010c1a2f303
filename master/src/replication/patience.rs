use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use standfast_core::Seq;

use super::followers::{Followers, Owes};
use super::in_sync::Seat;

/// How often the members are looked at.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// A member that has no stream for so many looks leaves.
const GONE: u32 = 5;
/// A stream that was too slow may not make its node a member again for so many looks.
const BARRED: u32 = 250;
/// A standby that is so many looks behind is waited for, so that it can become a member.
const NEAR: usize = 5;
/// Who is waited for to become a member, and does not, is barred after so many looks.
const COURTED: u32 = 10;

/// Who joins and who leaves, by how long each has owed something.
///
/// It counts looks, not time: what a process that was frozen slept through is nobody's debt.
#[derive(Debug)]
pub(super) struct Patience {
    /// Looks after which a member that is connected and owes its answer leaves.
    slow: u32,
    owing: BTreeMap<Seat, Debt>,
    barred: BTreeMap<u64, u32>,
    /// Looks since a stream is waited for.
    courted: BTreeMap<u64, u32>,
    /// What was committed at the last looks.
    committed: VecDeque<Seq>,
}

/// What a member owes, and for how many looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Debt {
    owes: Owes,
    looks: u32,
}

/// What a look came to.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) joining: Vec<Seat>,
    /// Each with what it owes.
    pub(super) leaving: Vec<(Seat, Owes)>,
    /// A moment behind: to be waited for.
    pub(super) courted: Vec<Seat>,
}

impl Patience {
    pub(super) fn new(member_timeout: Duration) -> Self {
        let looks = member_timeout.as_millis() / TICK.as_millis();
        Self {
            slow: u32::try_from(looks).unwrap_or(u32::MAX).max(1),
            owing: BTreeMap::new(),
            barred: BTreeMap::new(),
            courted: BTreeMap::new(),
            committed: VecDeque::new(),
        }
    }

    /// Looks once.
    pub(super) fn look(&mut self, followers: &Followers) -> Verdict {
        self.barred.retain(|_, looks| {
            *looks -= 1;
            *looks > 0
        });
        let leaving = self.leaving(followers);
        if followers.is_short_without(leaving.len()) {
            // Better a slow one than none.
            self.barred.clear();
        }
        let ready = followers.ready().into_iter();
        let joining = ready.filter(|(_, stream)| !self.barred.contains_key(stream));
        Verdict {
            joining: joining.map(|(seat, _)| seat).collect(),
            leaving,
            courted: self.court(followers),
        }
    }

    fn leaving(&mut self, followers: &Followers) -> Vec<(Seat, Owes)> {
        let owing = followers.owing();
        self.owing.retain(|seat, _| owing.contains_key(seat));
        let (mut gone, mut slow) = (Vec::new(), Vec::new());
        for (seat, owes) in owing {
            let debt = self.owing.entry(seat.clone());
            let debt = debt.or_insert(Debt { owes, looks: 0 });
            // Another debt begins: it has answered meanwhile, and owes the next answer.
            if debt.owes != owes {
                *debt = Debt { owes, looks: 0 };
            }
            debt.looks = debt.looks.saturating_add(1);
            let (most, leaving) = match owes {
                Owes::Presence => (GONE, &mut gone),
                Owes::Answer(_) => (self.slow, &mut slow),
            };
            if debt.looks > most {
                if let Some(follower) = followers.connected().get(&seat.0) {
                    self.barred.insert(follower.stream, BARRED);
                }
                leaving.push((seat, owes));
            }
        }
        // Where not all may leave, those that are there stay.
        gone.append(&mut slow);
        gone
    }

    /// Standbys a moment behind. Under load they would lack the last batch at every look.
    fn court(&mut self, followers: &Followers) -> Vec<Seat> {
        self.committed.push_back(followers.committed().seq);
        if self.committed.len() > NEAR {
            self.committed.pop_front();
        }
        let near = self.committed.front().copied().unwrap_or_default();
        let near = followers.near(near);
        self.courted
            .retain(|stream, _| near.iter().any(|(_, other)| other == stream));
        let mut courted = Vec::new();
        for (seat, stream) in near {
            if self.barred.contains_key(&stream) {
                continue;
            }
            let looks = self.courted.entry(stream).or_default();
            *looks += 1;
            if *looks > COURTED {
                self.barred.insert(stream, BARRED);
            } else {
                courted.push(seat);
            }
        }
        courted
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::{Epoch, LogId, NodeId, Position};

    use super::*;
    use crate::replication::followers::Follower;
    use crate::replication::in_sync::{InSync, InSyncRule};

    const EPOCH: Epoch = Epoch(1);

    fn seat(name: &str) -> Seat {
        (NodeId::new(name).unwrap(), LogId(1))
    }

    fn at(seq: u64) -> Position {
        Position {
            epoch: EPOCH,
            seq: Seq(seq),
            ..Position::default()
        }
    }

    /// A term of a, with b in its set.
    fn term() -> (Followers, Patience) {
        let timeout = Duration::from_millis(500);
        let rule = InSyncRule {
            min_acks: 1,
            blocks: false,
            member_timeout: timeout,
        };
        let in_sync = InSync::new(rule, seat("a"), [seat("a"), seat("b")]);
        let followers = Followers::begin(EPOCH, at(0), at(0), Some(in_sync));
        (followers, Patience::new(timeout))
    }

    fn says(followers: &mut Followers, seq: u64) {
        let follower = Follower {
            log_id: LogId(1),
            synced: at(seq),
            stream: 1,
        };
        followers.synced(EPOCH, &seat("b").0, follower);
    }

    fn looks_until_it_leaves(followers: &Followers, patience: &mut Patience) -> usize {
        (1..100)
            .find(|_| !patience.look(followers).leaving.is_empty())
            .unwrap()
    }

    #[test]
    fn who_answers_stays_though_something_is_owed_at_every_look() {
        let (mut followers, mut patience) = term();
        for seq in 0..100 {
            followers.sending(at(seq + 1));
            says(&mut followers, seq);
            assert_eq!(patience.look(&followers).leaving, []);
        }
        assert_eq!(looks_until_it_leaves(&followers, &mut patience), 26 - 1);
    }

    #[test]
    fn who_owes_another_thing_has_the_time_of_that() {
        let (mut followers, mut patience) = term();
        says(&mut followers, 0);
        followers.sending(at(1));
        for _ in 0..20 {
            assert_eq!(patience.look(&followers).leaving, []);
        }
        followers.left(&seat("b").0, 1);
        assert_eq!(looks_until_it_leaves(&followers, &mut patience), 6);
    }

    /// Under load it lacks the last entry at every look: it is waited for, and not for ever.
    #[test]
    fn a_standby_that_is_a_moment_behind_is_waited_for_until_it_lacks_nothing() {
        let (mut followers, mut patience) = term();
        let c = |seq| Follower {
            log_id: LogId(1),
            synced: at(seq),
            stream: 7,
        };
        let mut waited = 0;
        for seq in 1..=50 {
            followers.sending(at(seq));
            followers.stored(at(seq));
            says(&mut followers, seq);
            assert!(followers.commit(at(seq)));
            followers.synced(EPOCH, &seat("c").0, c(seq - 1));
            let verdict = patience.look(&followers);
            assert_eq!(verdict.joining, [], "it lacks the last one");
            waited += verdict.courted.len();
        }
        assert_eq!(waited, COURTED as usize);
        // Far behind nobody waits for it; with a new stream, and nothing lacking, it joins.
        followers.synced(EPOCH, &seat("c").0, Follower { stream: 8, ..c(3) });
        assert_eq!(patience.look(&followers).courted, []);
        followers.synced(EPOCH, &seat("c").0, Follower { stream: 8, ..c(50) });
        assert_eq!(patience.look(&followers).joining, [seat("c")]);
    }

    #[test]
    fn an_older_stream_says_nothing_of_a_newer_one() {
        let (mut followers, _) = term();
        let node = seat("b").0;
        let said = |stream, seq| Follower {
            log_id: LogId(1),
            synced: at(seq),
            stream,
        };
        assert!(followers.synced(EPOCH, &node, said(2, 5)));
        assert!(!followers.synced(EPOCH, &node, said(1, 3)));
        assert!(!followers.left(&node, 1));
        assert_eq!(followers.connected().get(&node), Some(&said(2, 5)));
        assert!(
            !followers.synced(Epoch(2), &node, said(3, 9)),
            "another term"
        );
    }
}
