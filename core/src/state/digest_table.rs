use crate::words::{Bucket, Digest, Section};

/// The digests of a state's sections, updated in O(1) per change.
#[derive(Clone, Debug)]
pub struct DigestTable {
    buckets: Vec<Digest>,
    globals: Digest,
    total: Digest,
}

impl Default for DigestTable {
    fn default() -> Self {
        Self {
            buckets: vec![Digest::default(); Bucket::COUNT],
            globals: Digest::default(),
            total: Digest::default(),
        }
    }
}

impl DigestTable {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// A row appeared in `section`.
    pub fn add(&mut self, section: Section, row: Digest) {
        self.total = self.total.with(row);
        let slot = self.slot(section);
        *slot = slot.with(row);
    }

    /// A row went from `section`.
    pub fn remove(&mut self, section: Section, row: Digest) {
        self.total = self.total.without(row);
        let slot = self.slot(section);
        *slot = slot.without(row);
    }

    /// A row of `section` changed.
    pub fn replace(&mut self, section: Section, old: Digest, new: Digest) {
        self.remove(section, old);
        self.add(section, new);
    }

    /// Sum over all sections.
    pub const fn total(&self) -> Digest {
        self.total
    }

    /// Sum over one section.
    pub fn section(&self, section: Section) -> Digest {
        match section.bucket() {
            Some(bucket) => self
                .buckets
                .get(bucket.index())
                .copied()
                .unwrap_or_default(),
            None => self.globals,
        }
    }

    fn slot(&mut self, section: Section) -> &mut Digest {
        match section.bucket() {
            Some(bucket) => self.buckets.get_mut(bucket.index()).expect("1024 buckets"),
            None => &mut self.globals,
        }
    }
}
