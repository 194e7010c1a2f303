use std::collections::VecDeque;

use crate::batch::DigestAt;
use crate::words::{Digest, Position, Seq};

/// How many batch ends are kept.
const KEPT: usize = 4096;
/// The first batch end at or past a multiple of this many entries is a milestone.
const MILESTONE: u64 = 4096;
/// How many milestones are kept.
const MILESTONES_KEPT: usize = 16384;

type End = (Position, Digest);

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
    pub(super) fn push(&mut self, end: Position, digest: Digest) {
        let before = self.recent.back().map_or(Seq::ZERO, |(end, _)| end.seq);
        push(&mut self.recent, KEPT, (end, digest));
        if before.0 / MILESTONE < end.seq.0 / MILESTONE {
            push(&mut self.milestones, MILESTONES_KEPT, (end, digest));
        }
    }

    pub(super) fn at(&self, seq: Seq) -> Option<End> {
        find(&self.recent, seq).or_else(|| find(&self.milestones, seq))
    }

    pub(super) fn newest(&self) -> Option<DigestAt> {
        self.recent.back().map(|&(end, digest)| DigestAt {
            seq: end.seq,
            digest,
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
    let at = ends.binary_search_by_key(&seq, |(end, _)| end.seq).ok()?;
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
        history.push(end(0), Digest(0));
        for seq in 1..=3 * MILESTONE {
            history.push(end(seq), Digest(seq.into()));
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
        history.push(end(4000), Digest(1));
        assert!(!history.at_milestone());
        history.push(end(4100), Digest(2));
        assert!(history.at_milestone());
        history.push(end(4200), Digest(3));
        assert!(!history.at_milestone());
    }
}
