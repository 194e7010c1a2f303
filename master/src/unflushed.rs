use std::collections::VecDeque;
use std::time::Duration;

use standfast_core::{BootInstant, Seq};

/// How finely ages are told apart: a mark for each part of the greatest age.
const PARTS: u32 = 16;

/// How long the oldest entry that was acknowledged ahead of its commit has waited (`ack = async`).
///
/// Marks, oldest first; `at` is when the first entry after `after` was acknowledged:
///
/// ```text
///   after  0        40           95        the entries 41..=95 are no older than the mark of 40,
///   at     12.0 s   12.1 s       12.2 s    and once 60 is committed, that mark is the oldest that counts
/// ```
///
/// The age is never told too small, and too great by a 16th of the greatest age at most.
#[derive(Debug)]
pub(crate) struct Unflushed {
    marks: VecDeque<(Seq, BootInstant)>,
    greatest: Duration,
}

impl Unflushed {
    pub(crate) fn new(greatest: Duration) -> Self {
        Self {
            marks: VecDeque::new(),
            greatest,
        }
    }

    /// Entries after `applied` are acknowledged from `now` on.
    pub(crate) fn mark(&mut self, applied: Seq, now: BootInstant) {
        let newest = self.marks.back().map(|(_, at)| now.since(*at));
        if newest.is_none_or(|age| age >= self.greatest / PARTS) {
            self.marks.push_back((applied, now));
        }
    }

    /// Whether the oldest entry that is not committed was acknowledged too long ago.
    pub(crate) fn too_old(&mut self, (committed, applied): (Seq, Seq), now: BootInstant) -> bool {
        if committed >= applied {
            self.marks.clear();
            return false;
        }
        // The second mark covers all that is left: the first one is over.
        while self
            .marks
            .get(1)
            .is_some_and(|(after, _)| *after <= committed)
        {
            self.marks.pop_front();
        }
        self.marks
            .front()
            .is_some_and(|(_, at)| now.since(*at) >= self.greatest)
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::Clock;

    use super::*;

    #[test]
    fn the_age_is_that_of_the_oldest_entry_left_however_often_the_log_moves() {
        let clock = Clock::manual();
        let mut unflushed = Unflushed::new(Duration::from_secs(1));
        // An entry every 10 ms, and a log that is 900 ms behind.
        for n in 1..=500_u64 {
            unflushed.mark(Seq(n - 1), clock.now());
            let behind = (Seq(n.saturating_sub(90)), Seq(n));
            assert!(!unflushed.too_old(behind, clock.now()), "{n}");
            clock.advance(Duration::from_millis(10));
        }
        // It stands still: entry 411 is the oldest, of 4.1 s, and it is 5 s.
        let stands = (Seq(410), Seq(500));
        assert!(!unflushed.too_old(stands, clock.now()));
        clock.advance(Duration::from_millis(100));
        assert!(unflushed.too_old(stands, clock.now()));
        assert!(!unflushed.too_old((Seq(500), Seq(500)), clock.now()));
        unflushed.mark(Seq(500), clock.now());
        assert!(!unflushed.too_old((Seq(500), Seq(501)), clock.now()));
    }
}
