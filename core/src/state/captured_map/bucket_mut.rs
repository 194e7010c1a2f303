use std::fmt;
use std::hash::Hash;

use hashbrown::DefaultHashBuilder;

use super::table::Table;
use crate::words::Bucket;

/// One bucket of a map that is being filled: see [`super::CapturedMap::fill`].
pub struct BucketMut<'a, K, V> {
    pub(super) bucket: Bucket,
    pub(super) table: &'a mut Table<K, V>,
    pub(super) hasher: &'a DefaultHashBuilder,
}

impl<K: Hash + Eq, V> BucketMut<'_, K, V> {
    /// Which.
    pub const fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// Whether a key is there.
    pub fn contains(&self, key: &K) -> bool {
        self.table.find(self.hasher, key).is_some()
    }

    /// Makes room for so many entries more.
    pub fn reserve(&mut self, entries: usize) {
        self.table.reserve(self.hasher, entries);
    }

    /// Sets the value of a key and returns the old one.
    ///
    /// # Panics
    /// Beyond 2^32 entries of one bucket.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.table.insert(self.hasher, key, value)
    }
}

impl<K, V> fmt::Debug for BucketMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BucketMut").field(&self.bucket).finish()
    }
}
