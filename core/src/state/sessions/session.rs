use std::collections::BTreeMap;

use super::{Recall, SESSION_WINDOW};
use crate::batch::EntryId;
use crate::state::Reply;
use crate::words::{Digest, Fingerprint, RequestId, Seq, SessionId};

/// One client's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) highest: RequestId,
    pub(super) answered: RequestId,
    pub(super) answers: BTreeMap<RequestId, Answer>,
}

/// The answers to the items of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Last entry that gave one; not part of digest or snapshot.
    pub(super) seq: Seq,
    /// Ordered by item and apart from each other: a request may have 100 000 items with as many answers, and
    /// each of them is looked for.
    pub(super) runs: Vec<Run>,
}

impl Answer {
    /// Where the run behind `item` begins; the one before it may hold it.
    fn behind(&self, item: u32) -> usize {
        self.runs.partition_point(|run| run.first <= item)
    }

    fn reply(&self, item: u32) -> Option<&Reply> {
        let run = self.runs.get(self.behind(item).checked_sub(1)?)?;
        run.has(item).then_some(&run.reply)
    }

    fn take(&mut self, item: u32) -> Option<Reply> {
        let at = self.behind(item).checked_sub(1)?;
        let run = self.runs.get(at).filter(|run| run.has(item))?.clone();
        let before = Run {
            count: item - run.first,
            ..run.clone()
        };
        let behind = Run {
            first: item + 1,
            count: run.count - before.count - 1,
            reply: run.reply.clone(),
        };
        let rests = [before, behind].into_iter().filter(|run| run.count > 0);
        self.runs.splice(at..=at, rests);
        Some(run.reply)
    }

    /// Sets the answer of an item that has none.
    fn put(&mut self, item: u32, reply: Reply) {
        let behind = self.behind(item);
        let before = behind.checked_sub(1).and_then(|at| self.runs.get_mut(at));
        match before {
            Some(run) if run.first + run.count == item && run.reply == reply => run.count += 1,
            _ => self.runs.insert(
                behind,
                Run {
                    first: item,
                    count: 1,
                    reply,
                },
            ),
        }
    }
}

/// Consecutive items with the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) reply: Reply,
}

impl Run {
    fn has(&self, item: u32) -> bool {
        item >= self.first && item - self.first < self.count
    }

    pub(super) fn items(&self) -> impl Iterator<Item = u32> + use<> {
        self.first..self.first + self.count
    }
}

/// Bytes of most rows that are hashed: one with a longer reply takes more.
const ROW: usize = 64;

/// Sums up how the digest changes.
#[derive(Debug)]
pub(super) struct Change {
    cluster: Fingerprint,
    session: SessionId,
    sum: Digest,
    row: Vec<u8>,
}

impl Change {
    pub(super) fn new(cluster: Fingerprint, session: SessionId) -> Self {
        Self {
            cluster,
            session,
            sum: Digest::default(),
            row: Vec::with_capacity(ROW),
        }
    }

    pub(super) const fn sum(&self) -> Digest {
        self.sum
    }

    fn hash(&mut self, request: RequestId, item: u32, reply: &[u8]) -> Digest {
        self.row.clear();
        self.row.extend_from_slice(&self.session.0.to_le_bytes());
        self.row.extend_from_slice(&request.0.to_le_bytes());
        self.row.extend_from_slice(&item.to_le_bytes());
        self.row.extend_from_slice(reply);
        Digest::of_row(self.cluster, &self.row)
    }

    /// The marks count as the answer of the request that cannot be, number 2^64 - 1.
    fn marks(&mut self, session: &Session) -> Digest {
        let mut marks = [0; 16];
        let (highest, answered) = marks.split_at_mut(8);
        highest.copy_from_slice(&session.highest.0.to_le_bytes());
        answered.copy_from_slice(&session.answered.0.to_le_bytes());
        self.hash(RequestId(u64::MAX), 0, &marks)
    }

    fn gone(&mut self, request: RequestId, answer: &Answer) {
        for run in &answer.runs {
            for item in run.items() {
                let hash = self.hash(request, item, &run.reply.0);
                self.sum = self.sum.without(hash);
            }
        }
    }
}

impl Session {
    pub(super) const fn new() -> Self {
        Self {
            highest: RequestId(0),
            answered: RequestId(0),
            answers: BTreeMap::new(),
        }
    }

    pub(super) fn recall(&self, request: RequestId, item: u32) -> Recall {
        if request <= self.lowest() {
            return Recall::TooOld;
        }
        let Some(answer) = self.answers.get(&request) else {
            return Recall::New;
        };
        match answer.reply(item) {
            Some(reply) => Recall::Remembered {
                reply: reply.clone(),
                seq: answer.seq,
            },
            None => Recall::New,
        }
    }

    /// Requests up to and including this one are forgotten.
    fn lowest(&self) -> RequestId {
        RequestId(
            self.answered
                .0
                .max(self.highest.0.saturating_sub(SESSION_WINDOW)),
        )
    }

    pub(super) fn remember(&mut self, id: &EntryId, seq: Seq, reply: Reply, change: &mut Change) {
        let highest = self.highest.max(id.request);
        let answered = self.answered.max(id.answered);
        // A request has many items, and only the first moves the marks.
        if self.is_new() || (highest, answered) != (self.highest, self.answered) {
            if !self.is_new() {
                let old = change.marks(self);
                change.sum = change.sum.without(old);
            }
            (self.highest, self.answered) = (highest, answered);
            let marks = change.marks(self);
            change.sum = change.sum.with(marks);
        }
        self.prune(change);
        if id.request > self.lowest() {
            self.keep(id, seq, reply, change);
        }
    }

    const fn is_new(&self) -> bool {
        self.highest.0 == 0
    }

    fn prune(&mut self, change: &mut Change) {
        let lowest = self.lowest();
        while let Some(first) = self
            .answers
            .first_entry()
            .filter(|first| *first.key() <= lowest)
        {
            let (request, answer) = first.remove_entry();
            change.gone(request, &answer);
        }
    }

    fn keep(&mut self, id: &EntryId, seq: Seq, reply: Reply, change: &mut Change) {
        let answer = self.answers.entry(id.request).or_default();
        answer.seq = seq;
        if let Some(old) = answer.take(id.item) {
            let old = change.hash(id.request, id.item, &old.0);
            change.sum = change.sum.without(old);
        }
        let hash = change.hash(id.request, id.item, &reply.0);
        change.sum = change.sum.with(hash);
        answer.put(id.item, reply);
    }

    /// Digest of everything in it.
    pub(super) fn digest(&self, cluster: Fingerprint, id: SessionId) -> Digest {
        let mut change = Change::new(cluster, id);
        for (request, answer) in &self.answers {
            change.gone(*request, answer);
        }
        let marks = change.marks(self);
        Digest::default().without(change.sum).with(marks)
    }
}
