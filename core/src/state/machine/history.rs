use std::collections::VecDeque;

use crate::batch::DigestAt;
use crate::words::{Digest, Seq};

/// How many batch ends are kept.
const KEPT: usize = 4096;

/// The digests at the last batch ends: what a digest that arrives later is compared with.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<(Seq, Digest)>);

impl History {
    pub(super) fn push(&mut self, seq: Seq, digest: Digest) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((seq, digest));
    }

    pub(super) fn at(&self, seq: Seq) -> Option<Digest> {
        let at = self.0.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
        self.0.get(at).map(|(_, digest)| *digest)
    }

    pub(super) fn newest(&self) -> Option<DigestAt> {
        self.0.back().map(|&(seq, digest)| DigestAt { seq, digest })
    }
}
