use std::collections::VecDeque;

use standfast_core::{Batch, Epoch, FenceToken, Position, add_end};

/// So many bytes of batches are kept besides the last one: a standby that is a moment behind needs no log.
const KEPT: usize = 4 << 20;

/// What there is to send.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// The term that is led; `None` when this node does not lead.
    pub(super) token: Option<FenceToken>,
    /// The last batches, those that readers of the log may not see yet among them. All before is in the log for all to read.
    recent: VecDeque<Batch>,
    /// Bytes of them.
    bytes: usize,
    /// End of what is committed.
    pub(super) committed: Position,
    /// Up to here it is to be told though no batch follows.
    pub(super) told: Position,
}

impl Newest {
    /// A term begins.
    pub(super) fn begin(token: FenceToken, committed: Position, unproved: Vec<Batch>) -> Self {
        Self {
            token: Some(token),
            bytes: unproved.iter().map(|batch| batch.frame().len()).sum(),
            recent: unproved.into(),
            committed,
            told: committed,
        }
    }

    /// One more, which is not stored yet; false when it is there already.
    pub(super) fn add(&mut self, batch: &Batch) -> bool {
        let is_new = self.end() != batch.end();
        if is_new {
            self.bytes += batch.frame().len();
            self.recent.push_back(batch.clone());
        }
        is_new
    }

    /// It is stored: readers of the log see all before it.
    pub(super) fn stored(&mut self, batch: &Batch) {
        self.add(batch);
        while self.bytes > KEPT && self.recent.len() > 1 {
            let oldest = self.recent.pop_front();
            self.bytes -= oldest.map_or(0, |batch| batch.frame().len());
        }
    }

    /// What is committed is to be told; false when it was.
    pub(super) fn tell(&mut self) -> bool {
        let is_new = self.told != self.committed;
        self.told = self.committed;
        is_new
    }

    /// The term of this epoch ends; false when it is another.
    pub(super) fn end_term(&mut self, epoch: Epoch) -> bool {
        let ends = self
            .token
            .as_ref()
            .is_some_and(|token| token.epoch == epoch);
        if ends {
            self.token = None;
            self.recent.clear();
            self.bytes = 0;
        }
        ends
    }

    /// Where the log ends.
    pub(super) fn end(&self) -> Position {
        self.recent.back().map_or(self.committed, Batch::end)
    }

    /// Adds where the epochs end in what readers of the log do not see yet.
    pub(super) fn add_ends(&self, ends: &mut Vec<Position>) {
        for batch in &self.recent {
            if ends.last().is_none_or(|last| batch.last() > last.seq) {
                add_end(ends, batch.end());
            }
        }
    }

    /// Whether a log that ends there goes on with what is here.
    pub(super) fn reaches(&self, position: Position) -> bool {
        position == self.committed
            || self
                .recent
                .iter()
                .any(|batch| batch.follows(position) || batch.end() == position)
    }

    /// The batches behind `sent`, if they are here.
    pub(super) fn behind(&self, sent: Position) -> Vec<Batch> {
        let next = self
            .recent
            .partition_point(|batch| batch.first() <= sent.seq);
        match self.recent.get(next) {
            Some(batch) if batch.follows(sent) => self.recent.range(next..).cloned().collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use standfast_core::{
        BatchBuilder, BatchEnd, Chain, Entry, EntryId, NodeId, OpType, Seq, common_end,
    };

    use super::*;

    fn batch(epoch: u64, previous: Position, bytes: usize) -> Batch {
        let mut builder = BatchBuilder::new(previous.seq.next());
        let entry = Entry {
            seq: previous.seq.next(),
            timestamp_ms: 1,
            op_type: OpType::EPOCH_START,
            id: EntryId::default(),
            key: Cow::Borrowed(&[]),
            payload: Cow::Owned(vec![7; bytes]),
        };
        builder.push(&entry).unwrap();
        let end = BatchEnd {
            epoch: Epoch(epoch),
            previous,
            committed: previous.seq,
            digest: None,
        };
        builder.seal(&end).unwrap()
    }

    fn begun(committed: Position, unproved: Vec<Batch>) -> Newest {
        let token = FenceToken {
            cluster: standfast_core::Fingerprint::draw(
                &standfast_core::ClusterId::new("test").unwrap(),
                [3; 16],
            ),
            epoch: Epoch(5),
            holder: NodeId::new("a").unwrap(),
            nonce: 1,
            proof: String::new(),
        };
        Newest::begin(token, committed, unproved)
    }

    /// The log ends with `x` of epoch 4, which readers do not see before the first batch of epoch 5 is stored.
    #[test]
    fn what_readers_do_not_see_is_known_to_be_there() {
        let committed = Position {
            epoch: Epoch(3),
            seq: Seq(9),
            chain: Chain::of(b"c"),
        };
        let x = batch(4, committed, 1);
        let start = batch(5, x.end(), 1);
        let mut newest = begun(committed, vec![x.clone()]);
        assert!(newest.add(&start));
        assert!(!newest.add(&start), "it is sent again");
        let mut ours = vec![committed];
        newest.add_ends(&mut ours);
        assert_eq!(ours, [committed, x.end(), start.end()]);
        // A standby has one more of epoch 4.
        let more = batch(4, x.end(), 1);
        let theirs = [committed, more.end()];
        assert_eq!(common_end(&ours, &theirs), Some(x.end()));
        for position in [committed, x.end(), start.end()] {
            assert!(newest.reaches(position));
        }
        assert!(!newest.reaches(more.end()));
        // What readers see by now is no reason to go back.
        let mut ours = vec![committed, start.end()];
        newest.add_ends(&mut ours);
        assert_eq!(ours, [committed, start.end()]);
    }

    #[test]
    fn a_standby_a_moment_behind_needs_no_log_and_memory_is_bounded() {
        let mut newest = begun(Position::default(), Vec::new());
        let mut ends = vec![Position::default()];
        for _ in 0..8 {
            let next = batch(5, newest.end(), 1 << 20);
            newest.add(&next);
            newest.stored(&next);
            ends.push(next.end());
        }
        assert!(newest.bytes <= KEPT);
        assert_eq!(newest.behind(ends[6]).len(), 2);
        assert_eq!(newest.behind(ends[0]), []);
        assert_eq!(newest.behind(ends[8]), []);
    }
}
