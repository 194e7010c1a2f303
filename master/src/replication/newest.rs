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
        let next = self.recent.iter().position(|batch| batch.follows(sent));
        next.map_or_else(Vec::new, |next| {
            self.recent.range(next..).cloned().collect()
        })
    }
}
