mod changes;
mod table;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::Hash;

use hashbrown::{DefaultHashBuilder, HashMap};

use self::changes::Changes;
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
/// It also knows which keys changed since an earlier capture, its *base*: [`Self::rebase`] makes the last capture the
/// base, [`Self::changed`] says how many keys changed from there to the next capture, [`Self::read_changes`] gives
/// them. A key is kept for each, until 30 % of all have changed: then only a reading of everything tells.
///
/// The caller chooses the bucket of a key and must always choose the same. Buckets keep one table from growing
/// as a whole: the largest pause of an insert is that of one 1024th. A row costs its own size and some ten bytes.
#[derive(Debug)]
pub struct CapturedMap<K, V> {
    tables: Vec<Table<K, V>>,
    hasher: DefaultHashBuilder,
    rows: usize,
    capture: Option<Images<K, V>>,
    /// From the base to the last capture.
    captured: Changes<K>,
    /// From the last capture on.
    since: Changes<K>,
    /// What is to be freed.
    old: Vec<Changes<K>>,
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
            captured: Changes::unknown(),
            since: Changes::unknown(),
            old: Vec::new(),
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
        self.before_change(bucket, key);
        let table = self.tables.get_mut(bucket.index())?;
        table.get_mut(&self.hasher, key)
    }

    /// Sets the value of a key and returns the old one.
    ///
    /// # Panics
    /// Beyond 2^32 entries of one bucket.
    pub fn insert(&mut self, bucket: Bucket, key: K, value: V) -> Option<V> {
        self.before_change(bucket, &key);
        let table = table(&mut self.tables, bucket);
        let old = table.insert(&self.hasher, key, value);
        self.rows += usize::from(old.is_none());
        old
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, bucket: Bucket, key: &K) -> Option<V> {
        self.before_change(bucket, key);
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
        let since = std::mem::replace(&mut self.since, Changes::none());
        self.old.extend(self.captured.join(since, self.rows));
        self.capture = Some(Images {
            read: vec![false; Bucket::COUNT],
            before: BTreeMap::new(),
        });
    }

    /// Gives every entry of `bucket` as it was when [`Self::capture`] was called, in no order; marks the bucket
    /// as read. Gives the present entries when no capture is in progress.
    pub fn read(&mut self, bucket: Bucket, mut each: impl FnMut(&K, &V)) {
        let images = self.take_images(bucket);
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

    /// How many keys changed from the base to the last capture; `None` without a base, and when they were too many.
    pub fn changed(&self) -> Option<usize> {
        self.captured.count()
    }

    /// Gives every key of `bucket` that changed from the base to the capture in progress, with its value when
    /// [`Self::capture`] was called, or `None` if it was absent; marks the bucket as read. Gives nothing when
    /// [`Self::changed`] is `None`.
    pub fn read_changes(&mut self, bucket: Bucket, mut each: impl FnMut(&K, Option<&V>)) {
        let images = self.take_images(bucket).unwrap_or_default();
        let table = self.tables.get(bucket.index());
        for key in self.captured.of(bucket) {
            let now = || table.and_then(|table| table.get(&self.hasher, key));
            each(key, images.get(key).map_or_else(now, Option::as_ref));
        }
    }

    /// Makes the last capture the base.
    pub fn rebase(&mut self) {
        let before = std::mem::replace(&mut self.captured, Changes::none());
        self.old.push(before);
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

    /// The images of a bucket, which is read from now on.
    fn take_images(&mut self, bucket: Bucket) -> Option<HashMap<K, Option<V>>> {
        let capture = self.capture.as_mut()?;
        if let Some(read) = capture.read.get_mut(bucket.index()) {
            *read = true;
        }
        capture.before.remove(&bucket)
    }

    fn before_change(&mut self, bucket: Bucket, key: &K) {
        self.free_some();
        self.since.add(bucket, key, self.rows);
        self.keep_image(bucket, key);
    }

    /// Frees a bucket of what is forgotten.
    fn free_some(&mut self) {
        if let Some(oldest) = self.old.last_mut()
            && !oldest.free_some()
        {
            self.old.pop();
        }
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
