use crate::words::{Bucket, Fingerprint, Section, Seq, SessionId};

/// When each section was changed last: what an answer has to wait for.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    buckets: Vec<Seq>,
    globals: Seq,
    newest: Seq,
}

impl Touched {
    pub(super) fn new() -> Self {
        Self {
            buckets: vec![Seq::ZERO; Bucket::COUNT],
            globals: Seq::ZERO,
            newest: Seq::ZERO,
        }
    }

    fn touch(&mut self, section: Section, seq: Seq) {
        self.newest = self.newest.max(seq);
        let slot = match section.bucket() {
            Some(bucket) => self.buckets.get_mut(bucket.index()),
            None => Some(&mut self.globals),
        };
        if let Some(slot) = slot {
            *slot = seq;
        }
    }

    fn last(&self, section: Section) -> Seq {
        match section.bucket() {
            Some(bucket) => self
                .buckets
                .get(bucket.index())
                .copied()
                .unwrap_or(self.newest),
            None => self.globals,
        }
    }
}

/// What `apply` may know beside the entry, and what it reports.
#[derive(Debug)]
pub struct ApplyContext<'a> {
    pub(super) cluster: Fingerprint,
    pub(super) seq: Seq,
    pub(super) now_ms: u64,
    pub(super) touched: &'a mut Touched,
    pub(super) ended: &'a mut Vec<SessionId>,
}

impl ApplyContext<'_> {
    /// Seed of row hashes.
    pub const fn cluster(&self) -> Fingerprint {
        self.cluster
    }

    /// The entry's number.
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// The entry's stamp.
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Reports that rows of this section change, so that answers about them wait for this entry. Every row
    /// changed must be reported.
    pub fn touch(&mut self, section: Section) {
        self.touched.touch(section, self.seq);
    }

    /// Ends a session: what it remembers goes after this entry.
    pub fn end_session(&mut self, session: SessionId) {
        self.ended.push(session);
    }
}

/// What `decide` and `query` may know beside the request, and what they report.
#[derive(Debug)]
pub struct DecideContext<'a> {
    pub(super) now_ms: u64,
    pub(super) touched: &'a Touched,
    pub(super) wait: Seq,
}

impl DecideContext<'_> {
    /// A context of its own for a look that is counted later, with [`Self::join`].
    pub(crate) const fn fork(&self) -> Self {
        Self {
            now_ms: self.now_ms,
            touched: self.touched,
            wait: Seq::ZERO,
        }
    }

    /// Counts what a fork looked at.
    pub(crate) fn join(&mut self, fork: &DecideContext<'_>) {
        self.wait = self.wait.max(fork.wait);
    }

    /// The leader's stamp.
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Reports that the answer looked at this section: it waits until the section's last change is
    /// committed.
    pub fn look(&mut self, section: Section) {
        self.wait = self.wait.max(self.touched.last(section));
    }

    /// Reports that the answer may have looked at anything.
    pub fn look_everywhere(&mut self) {
        self.wait = self.wait.max(self.touched.newest);
    }

    /// Reports that the answer depends on the entry `seq`: more exact than a section, where the service
    /// keeps the number itself.
    pub fn wait_for(&mut self, seq: Seq) {
        self.wait = self.wait.max(seq);
    }
}
