use std::collections::VecDeque;

use crate::batch::DigestAt;
use crate::words::{Digest, Position, Seq};

/// How many batch ends are kept.
const KEPT: usize = 4096;
/// The first batch end at or past a multiple of this many entries is a milestone.
const MILESTONE: u64 = 4096;
/// How many milestones are kept.
const MILESTONES_KEPT: usize = 16384;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    position: Position,
    digest: Digest,
    /// Of the log, from where the state began up to here.
    log_bytes: u64,
}

/// Where this state stood, and with which digest: what a digest or a Position that arrives later is compared with.
///
/// The last batch ends are kept all. Under load they cover less than a second, and a snapshot is proposed long
/// after it was captured: so milestones are kept besides, at 100 k entries/s for eleven minutes.
#[derive(Debug, Default)]
pub(super) struct History {
    recent: VecDeque<End>,
    milestones: VecDeque<End>,
}

impl History {
    pub(super) fn push(&mut self, position: Position, digest: Digest, log_bytes: u64) {
        let before = self.recent.back().map_or(Seq::ZERO, |end| end.position.seq);
        let end = End {
            position,
            digest,
            log_bytes,
        };
        push(&mut self.recent, KEPT, end);
        if before.0 / MILESTONE < position.seq.0 / MILESTONE {
            push(&mut self.milestones, MILESTONES_KEPT, end);
        }
    }

    pub(super) fn at(&self, seq: Seq) -> Option<(Position, Digest)> {
        let end = find(&self.recent, seq).or_else(|| find(&self.milestones, seq))?;
        Some((end.position, end.digest))
    }

    /// Bytes of log up to the batch end `seq`, or up to the first one after it that is known; all of them when none is.
    pub(super) fn log_bytes_at(&self, seq: Seq) -> u64 {
        let known = [&self.recent, &self.milestones];
        let known = known.into_iter().filter_map(|ends| first_from(ends, seq));
        known.map(|end| end.log_bytes).min().unwrap_or(u64::MAX)
    }

    pub(super) fn newest(&self) -> Option<DigestAt> {
        self.recent.back().map(|end| DigestAt {
            seq: end.position.seq,
            digest: end.digest,
        })
    }

    pub(super) fn at_milestone(&self) -> bool {
        self.milestones.back() == self.recent.back() && !self.milestones.is_empty()
    }
}

fn push(ends: &mut VecDeque<End>, kept: usize, end: End) {
    if ends.len() == kept {
        ends.pop_front();
    }
    ends.push_back(end);
}

fn find(ends: &VecDeque<End>, seq: Seq) -> Option<End> {
    first_from(ends, seq).filter(|end| end.position.seq == seq)
}

/// The first at or after `seq`.
fn first_from(ends: &VecDeque<End>, seq: Seq) -> Option<End> {
    let at = ends.partition_point(|end| end.position.seq < seq);
    ends.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(seq: u64) -> Position {
        Position {
            seq: Seq(seq),
            ..Position::default()
        }
    }

    #[test]
    fn a_milestone_is_known_long_after_its_neighbours_were_forgotten() {
        let mut history = History::default();
        history.push(end(0), Digest(0), 0);
        for seq in 1..=3 * MILESTONE {
            history.push(end(seq), Digest(seq.into()), 0);
            assert_eq!(history.at_milestone(), seq % MILESTONE == 0, "seq {seq}");
        }
        assert_eq!(
            history.at(Seq(MILESTONE)),
            Some((end(MILESTONE), Digest(MILESTONE.into())))
        );
        assert_eq!(history.at(Seq(MILESTONE + 1)), None);
        assert_eq!(history.newest().unwrap().seq, Seq(3 * MILESTONE));
    }

    #[test]
    fn the_first_batch_end_past_a_multiple_is_the_milestone() {
        let mut history = History::default();
        history.push(end(4000), Digest(1), 0);
        assert!(!history.at_milestone());
        history.push(end(4100), Digest(2), 0);
        assert!(history.at_milestone());
        history.push(end(4200), Digest(3), 0);
        assert!(!history.at_milestone());
    }

    #[test]
    fn bytes_of_log_are_counted_from_the_next_batch_end_that_is_remembered() {
        let mut history = History::default();
        history.push(end(0), Digest(0), 0);
        for seq in 1..=3 * MILESTONE {
            history.push(end(seq), Digest(0), 10 * seq);
        }
        let oldest = 2 * MILESTONE + 1;
        for (seq, known) in [
            (3 * MILESTONE, 3 * MILESTONE),
            (oldest, oldest),
            (oldest - 2, 2 * MILESTONE),
            (5, MILESTONE),
        ] {
            assert_eq!(history.log_bytes_at(Seq(seq)), 10 * known, "seq {seq}");
        }
        assert_eq!(history.log_bytes_at(Seq(3 * MILESTONE + 1)), u64::MAX);
    }
}
