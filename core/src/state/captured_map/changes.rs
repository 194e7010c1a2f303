use std::hash::Hash;

use hashbrown::{DefaultHashBuilder, HashSet};

use crate::words::Bucket;

/// So few are always kept, however few rows there are.
const FEW: usize = 1024;
/// At most so many are brought together with others at once.
const JOINED: usize = 4096;

/// The keys that changed since an instant, as long as they are few: beyond 30 % of the rows a snapshot of everything is
/// the smaller trouble, and which they were is forgotten.
///
/// What is forgotten is freed a bucket at a time, by those that come to change something: freeing a million keys at
/// once would stop the thread that applies.
#[derive(Debug)]
pub(super) struct Changes<K> {
    /// One set a bucket.
    keys: Vec<HashSet<K>>,
    count: usize,
    forgotten: bool,
}

impl<K: Hash + Eq + Clone> Changes<K> {
    /// Nothing changed since.
    pub(super) fn none() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self {
            keys: (0..Bucket::COUNT)
                .map(|_| HashSet::with_hasher(hasher.clone()))
                .collect(),
            count: 0,
            forgotten: false,
        }
    }

    /// Nobody knows what changed since.
    pub(super) const fn unknown() -> Self {
        Self {
            keys: Vec::new(),
            count: 0,
            forgotten: true,
        }
    }

    /// How many, if it is known which.
    pub(super) fn count(&self) -> Option<usize> {
        (!self.forgotten).then_some(self.count)
    }

    /// A key changed, of a map of so many rows.
    pub(super) fn add(&mut self, bucket: Bucket, key: &K, rows: usize) {
        if self.forgotten {
            self.free_some();
            return;
        }
        let Some(keys) = self.keys.get_mut(bucket.index()) else {
            return;
        };
        if !keys.contains(key) {
            keys.insert(key.clone());
            self.count += 1;
            self.forgotten = self.count > FEW.max(rows / 10 * 3);
        }
    }

    /// What changed later, too. Gives what is left to be freed.
    ///
    /// Takes no longer than a thousandth of a second: if many changed both before and later, it is forgotten which.
    pub(super) fn join(&mut self, mut later: Self, rows: usize) -> Option<Self> {
        if self.forgotten || later.forgotten {
            self.forget();
            return Some(later);
        }
        if later.count > self.count {
            std::mem::swap(self, &mut later);
        }
        if later.count > JOINED {
            self.forget();
            return Some(later);
        }
        for (bucket, keys) in Bucket::all().zip(later.keys) {
            for key in keys {
                self.add(bucket, &key, rows);
            }
        }
        None
    }

    /// Those of one bucket.
    pub(super) fn of(&self, bucket: Bucket) -> impl Iterator<Item = &K> {
        let keys = self.keys.get(bucket.index());
        keys.filter(|_| !self.forgotten).into_iter().flatten()
    }

    /// Forgets which they were.
    pub(super) const fn forget(&mut self) {
        self.forgotten = true;
    }

    /// Frees a bucket of what was forgotten; whether there was one.
    pub(super) fn free_some(&mut self) -> bool {
        self.keys.pop().is_some()
    }
}
