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
    owing: BTreeMap<Seat, u32>,
    barred: BTreeMap<u64, u32>,
    /// Looks since a stream is waited for.
    courted: BTreeMap<u64, u32>,
    /// What was committed at the last looks.
    committed: VecDeque<Seq>,
}

/// What a look came to.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) joining: Vec<Seat>,
    pub(super) leaving: Vec<Seat>,
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

    fn leaving(&mut self, followers: &Followers) -> Vec<Seat> {
        let owing = followers.owing();
        self.owing.retain(|seat, _| owing.contains_key(seat));
        let (mut gone, mut slow) = (Vec::new(), Vec::new());
        for (seat, owes) in owing {
            let (most, leaving) = match owes {
                Owes::Presence => (GONE, &mut gone),
                Owes::Answer => (self.slow, &mut slow),
            };
            let looks = self.owing.entry(seat.clone()).or_default();
            *looks = looks.saturating_add(1);
            if *looks > most {
                if let Some(follower) = followers.connected().get(&seat.0) {
                    self.barred.insert(follower.stream, BARRED);
                }
                leaving.push(seat);
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
