use std::collections::BTreeMap;
use std::hash::Hash;
use std::ops::Range;

use hashbrown::HashMap;
use hashbrown::hash_map::IntoIter;

use crate::words::Bucket;

/// What is kept of the instant of a capture.
///
/// ```text
///   places of a bucket   [ 0 .. unread )                      [ unread .. )
///                        as they were, but those with images  read, or came later
/// ```
///
/// Rows are read from the last to the first, because rows that come later come behind them. What is removed gives its
/// place to the last row: if that was read, or came later, it gets an image that says so.
#[derive(Debug)]
pub(super) struct Images<K, V> {
    unread: Vec<usize>,
    /// Ordered only to have a bound on its memory that follows the changes; most are empty.
    of: BTreeMap<Bucket, Kept<K, V>>,
}

/// The images of a bucket: `None` for a row that is not to be given.
#[derive(Debug)]
enum Kept<K, V> {
    /// While rows are read.
    Growing(HashMap<K, Option<V>>),
    /// When all rows were.
    Given(IntoIter<K, Option<V>>),
}

impl<K: Hash + Eq + Clone, V> Images<K, V> {
    /// Of buckets with so many rows each.
    pub(super) const fn new(rows: Vec<usize>) -> Self {
        Self {
            unread: rows,
            of: BTreeMap::new(),
        }
    }

    /// Rows of a bucket at places below this are still to be read.
    pub(super) fn unread(&self, bucket: Bucket) -> usize {
        self.unread.get(bucket.index()).copied().unwrap_or(0)
    }

    /// Keeps the image of a row, unless there is one.
    pub(super) fn keep(&mut self, bucket: Bucket, key: &K, image: impl FnOnce() -> Option<V>) {
        let kept = self.of.entry(bucket);
        let kept = kept.or_insert_with(|| Kept::Growing(HashMap::new()));
        if let Kept::Growing(images) = kept
            && !images.contains_key(key)
        {
            images.insert(key.clone(), image());
        }
    }

    /// A bucket has only so many rows any more.
    pub(super) fn shrink(&mut self, bucket: Bucket, rows: usize) {
        if let Some(unread) = self.unread.get_mut(bucket.index()) {
            *unread = rows.min(*unread);
        }
    }

    /// The image of a row, if there is one.
    pub(super) fn get(&self, bucket: Bucket, key: &K) -> Option<&Option<V>> {
        match self.of.get(&bucket)? {
            Kept::Growing(images) => images.get(key),
            Kept::Given(_) => None,
        }
    }

    /// The places of the next rows to be read, which are read from now on.
    pub(super) fn next_places(&mut self, bucket: Bucket, most: usize) -> Range<usize> {
        let Some(unread) = self.unread.get_mut(bucket.index()) else {
            return 0..0;
        };
        let end = *unread;
        *unread = end.saturating_sub(most);
        *unread..end
    }

    /// Gives the next images of a bucket all of whose rows were read, and drops them; whether there are more.
    pub(super) fn give(
        &mut self,
        bucket: Bucket,
        most: usize,
        mut each: impl FnMut(&K, &V),
    ) -> bool {
        let Some(kept) = self.of.remove(&bucket) else {
            return false;
        };
        let mut images = match kept {
            Kept::Growing(images) => images.into_iter(),
            Kept::Given(images) => images,
        };
        for (key, image) in images.by_ref().take(most) {
            if let Some(value) = image {
                each(&key, &value);
            }
        }
        let more = images.len() > 0;
        if more {
            self.of.insert(bucket, Kept::Given(images));
        }
        more
    }

    /// All of a bucket is read.
    pub(super) fn read(&mut self, bucket: Bucket) {
        self.shrink(bucket, 0);
        self.of.remove(&bucket);
    }

    /// How many are kept right now.
    pub(super) fn count(&self) -> usize {
        let kept = self.of.values().map(|kept| match kept {
            Kept::Growing(images) => images.len(),
            Kept::Given(images) => images.len(),
        });
        kept.sum()
    }

    /// Frees the images of a bucket, of a capture that has ended; whether there were any.
    pub(super) fn free_some(&mut self) -> bool {
        self.of.pop_first().is_some()
    }
}
