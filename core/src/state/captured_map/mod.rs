mod table;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::Hash;

use hashbrown::{DefaultHashBuilder, HashMap};

use self::table::Table;
use crate::words::Bucket;

/// A map in 1024 buckets that can be read as it was at one instant while it goes on changing.
///
/// [`Self::capture`] only stamps that instant. From then on the first change of an entry in a bucket that was
/// not read yet keeps the entry's image from before; [`Self::read`] gives a bucket as it was then. The cost is
/// one image for each entry changed in a bucket still unread, never a copy of the whole.
///
/// ```text
///   buckets   [ 0 read ][ 1 read ][ 2 ........ ][ 3 ........ ]
///   images                         {k7: before}  {k9: absent}
/// ```
///
/// The caller chooses the bucket of a key and must always choose the same. Buckets keep one table from growing
/// as a whole: the largest pause of an insert is that of one 1024th. A row costs its own size and some ten bytes.
#[derive(Debug)]
pub struct CapturedMap<K, V> {
    tables: Vec<Table<K, V>>,
    hasher: DefaultHashBuilder,
    rows: usize,
    capture: Option<Images<K, V>>,
}

#[derive(Debug)]
struct Images<K, V> {
    read: Vec<bool>,
    /// Ordered only to have a bound on its memory that follows the changes; most are empty.
    before: BTreeMap<Bucket, HashMap<K, Option<V>>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Default for CapturedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> CapturedMap<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Self {
            tables: (0..Bucket::COUNT).map(|_| Table::new()).collect(),
            hasher: DefaultHashBuilder::default(),
            rows: 0,
            capture: None,
        }
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The value of a key.
    pub fn get<Q>(&self, bucket: Bucket, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.tables.get(bucket.index())?.get(&self.hasher, key)
    }

    /// The value of a key, to be changed in ways that no capture needs to see (soft state).
    pub fn get_soft<Q>(&mut self, bucket: Bucket, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let table = self.tables.get_mut(bucket.index())?;
        table.get_mut(&self.hasher, key)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, bucket: Bucket, key: &K) -> Option<&mut V> {
        self.keep_image(bucket, key);
        let table = self.tables.get_mut(bucket.index())?;
        table.get_mut(&self.hasher, key)
    }

    /// Sets the value of a key and returns the old one.
    ///
    /// # Panics
    /// Beyond 2^32 entries of one bucket.
    pub fn insert(&mut self, bucket: Bucket, key: K, value: V) -> Option<V> {
        self.keep_image(bucket, &key);
        let table = table(&mut self.tables, bucket);
        let old = table.insert(&self.hasher, key, value);
        self.rows += usize::from(old.is_none());
        old
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, bucket: Bucket, key: &K) -> Option<V> {
        self.keep_image(bucket, key);
        let table = table(&mut self.tables, bucket);
        let old = table.remove(&self.hasher, key);
        self.rows -= usize::from(old.is_some());
        old
    }

    /// The entries of one bucket as they are now, in no order.
    pub fn iter(&self, bucket: Bucket) -> impl Iterator<Item = (&K, &V)> {
        let table = self.tables.get(bucket.index());
        table.into_iter().flat_map(Table::iter)
    }

    /// Makes room for `rows` entries, spread evenly.
    pub fn reserve(&mut self, rows: usize) {
        for table in &mut self.tables {
            table.reserve(&self.hasher, rows / Bucket::COUNT + 1);
        }
    }

    /// Stamps the instant to be read. A capture that was in progress is dropped.
    pub fn capture(&mut self) {
        self.capture = Some(Images {
            read: vec![false; Bucket::COUNT],
            before: BTreeMap::new(),
        });
    }

    /// Gives every entry of `bucket` as it was when [`Self::capture`] was called, in no order; marks the bucket
    /// as read. Gives the present entries when no capture is in progress.
    pub fn read(&mut self, bucket: Bucket, mut each: impl FnMut(&K, &V)) {
        let images = self.capture.as_mut().and_then(|capture| {
            if let Some(read) = capture.read.get_mut(bucket.index()) {
                *read = true;
            }
            capture.before.remove(&bucket)
        });
        let table = self.tables.get(bucket.index());
        let table = table.into_iter().flat_map(Table::iter);
        let Some(images) = images else {
            table.for_each(|(key, value)| each(key, value));
            return;
        };
        for (key, value) in table.filter(|(key, _)| !images.contains_key(*key)) {
            each(key, value);
        }
        for (key, before) in &images {
            if let Some(value) = before {
                each(key, value);
            }
        }
    }

    /// Ends the capture and drops its images.
    pub fn end_capture(&mut self) {
        self.capture = None;
    }

    /// How many before-images are kept right now.
    pub fn images(&self) -> usize {
        self.capture
            .as_ref()
            .map_or(0, |capture| capture.before.values().map(HashMap::len).sum())
    }

    fn keep_image(&mut self, bucket: Bucket, key: &K) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        if capture.read.get(bucket.index()).copied().unwrap_or(true) {
            return;
        }
        let images = capture.before.entry(bucket).or_default();
        if !images.contains_key(key) {
            let before = self
                .tables
                .get(bucket.index())
                .and_then(|table| table.get(&self.hasher, key))
                .cloned();
            images.insert(key.clone(), before);
        }
    }
}

fn table<K, V>(tables: &mut [Table<K, V>], bucket: Bucket) -> &mut Table<K, V> {
    tables.get_mut(bucket.index()).expect("1024 tables")
}

#[cfg(test)]
mod tests;
