mod bucket_mut;
mod changes;
mod images;
mod table;

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::DefaultHashBuilder;

pub use self::bucket_mut::BucketMut;
use self::changes::Changes;
use self::images::Images;
use self::table::Table;
use crate::words::Bucket;

/// A map in 1024 buckets that can be read as it was at one instant while it goes on changing.
///
/// [`Self::capture`] only stamps that instant. From then on the first change of an entry that was not read yet keeps
/// the entry's image from before; [`Self::read_some`] gives a bucket as it was then, as many entries at a time as one
/// likes. The cost is one image for each entry changed or removed while still unread, never a copy of the whole.
///
/// ```text
///   buckets   [ 0 read ][ 1 .... read ][ 2 ........ ][ 3 ........ ]
///   images                {k5: before}  {k7: before}
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
    old_images: Option<Images<K, V>>,
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
            old_images: None,
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
        self.before_removal(bucket, key);
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

    /// Gives every bucket by itself, in order, so that several threads fill the map at once. A capture in progress and the
    /// base are dropped.
    pub fn fill<T>(&mut self, fill: impl FnOnce(Vec<BucketMut<'_, K, V>>) -> T) -> T {
        self.end_capture();
        self.captured = Changes::unknown();
        self.since = Changes::unknown();
        let hasher = &self.hasher;
        let tables = self.tables.iter_mut().zip(Bucket::all());
        let buckets = tables.map(|(table, bucket)| BucketMut {
            bucket,
            table,
            hasher,
        });
        let filled = fill(buckets.collect());
        self.rows = self.tables.iter().map(Table::len).sum();
        filled
    }

    /// Stamps the instant to be read. A capture that was in progress is dropped.
    pub fn capture(&mut self) {
        let since = std::mem::replace(&mut self.since, Changes::none());
        self.old.extend(self.captured.join(since, self.rows));
        self.end_capture();
        self.capture = Some(Images::new(self.tables.iter().map(Table::len).collect()));
    }

    /// Gives every entry of `bucket` as it was when [`Self::capture`] was called, in no order; marks the bucket
    /// as read. Gives the present entries when no capture is in progress.
    pub fn read(&mut self, bucket: Bucket, mut each: impl FnMut(&K, &V)) {
        if self.capture.is_some() {
            while self.read_some(bucket, usize::MAX, &mut each) {}
        } else {
            self.iter(bucket).for_each(|(key, value)| each(key, value));
        }
    }

    /// Gives entries of `bucket` as they were when [`Self::capture`] was called, at most `most`, in no order, and each
    /// once; whether there may be more. Anything may change before the others are read.
    pub fn read_some(&mut self, bucket: Bucket, most: usize, mut each: impl FnMut(&K, &V)) -> bool {
        let (Some(images), Some(table)) = (&mut self.capture, self.tables.get(bucket.index()))
        else {
            return false;
        };
        let places = images.next_places(bucket, most);
        let rest = most - places.len();
        for (key, value) in table.at(places) {
            if images.get(bucket, key).is_none() {
                each(key, value);
            }
        }
        images.unread(bucket) > 0 || images.give(bucket, rest, each)
    }

    /// How many keys changed from the base to the last capture; `None` without a base, and when they were too many.
    pub fn changed(&self) -> Option<usize> {
        self.captured.count()
    }

    /// Gives every key of `bucket` that changed from the base to the capture in progress, with its value when
    /// [`Self::capture`] was called, or `None` if it was absent; marks the bucket as read. Gives nothing when
    /// [`Self::changed`] is `None`.
    pub fn read_changes(&mut self, bucket: Bucket, mut each: impl FnMut(&K, Option<&V>)) {
        let Some(images) = &mut self.capture else {
            return;
        };
        let table = self.tables.get(bucket.index());
        for key in self.captured.of(bucket) {
            let unread = || {
                let (place, value) = table?.find(&self.hasher, key)?;
                (place < images.unread(bucket)).then_some(value)
            };
            let image = images.get(bucket, key);
            each(key, image.map_or_else(unread, Option::as_ref));
        }
        images.read(bucket);
    }

    /// Makes the last capture the base.
    pub fn rebase(&mut self) {
        let before = std::mem::replace(&mut self.captured, Changes::none());
        self.old.push(before);
    }

    /// Ends the capture. Its images are freed a bucket at a time, by those that come to change something.
    pub fn end_capture(&mut self) {
        self.old_images = self.capture.take().or_else(|| self.old_images.take());
    }

    /// How many before-images are kept right now.
    pub fn images(&self) -> usize {
        self.capture.as_ref().map_or(0, Images::count)
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
        self.old_images.take_if(|images| !images.free_some());
    }

    fn keep_image(&mut self, bucket: Bucket, key: &K) {
        let Some(images) = &mut self.capture else {
            return;
        };
        let unread = images.unread(bucket);
        if unread > 0
            && let Some(table) = self.tables.get(bucket.index())
            && let Some((place, before)) = table.find(&self.hasher, key)
            && place < unread
        {
            images.keep(bucket, key, || Some(before.clone()));
        }
    }

    /// The last row takes the place of one that is removed: what was read must not come among what was not.
    fn before_removal(&mut self, bucket: Bucket, key: &K) {
        let (Some(images), Some(table)) = (&mut self.capture, self.tables.get(bucket.index()))
        else {
            return;
        };
        let unread = images.unread(bucket);
        if unread > 0
            && let Some((place, _)) = table.find(&self.hasher, key)
            && let Some((last, last_key)) = table.last()
        {
            if place < unread && last >= unread {
                images.keep(bucket, last_key, || None);
            }
            images.shrink(bucket, last);
        }
    }
}

fn table<K, V>(tables: &mut [Table<K, V>], bucket: Bucket) -> &mut Table<K, V> {
    tables.get_mut(bucket.index()).expect("1024 tables")
}

#[cfg(test)]
mod tests;
