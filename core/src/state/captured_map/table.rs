use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::ops::Range;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

/// Rows a page.
const PAGE: usize = 64;

/// The rows of one bucket: pages that are full but for the last one, and an index of four bytes a row.
///
/// ```text
///   index   [ 2 |   | 0 |   | 3 |   | 1 |   ]       open addressing, a seventh to a half of it empty
///   pages   [ row 0, row 1, .. row 63 ][ row 64, .. ]
/// ```
///
/// What is empty in a hash table is empty at four bytes a row, not at those of a row, and a table that grows moves the
/// index alone. A row that is removed gives its place to the last one.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    index: HashTable<u32>,
    pages: Vec<Vec<(K, V)>>,
}

impl<K: Hash + Eq, V> Table<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            index: HashTable::new(),
            pages: Vec::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.pages.iter().flatten().map(|(key, value)| (key, value))
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The rows at these places: a row stays where it is until one is removed.
    pub(super) fn at(&self, places: Range<usize>) -> impl Iterator<Item = (&K, &V)> {
        let row = |place: usize| self.pages.get(place / PAGE)?.get(place % PAGE);
        places.filter_map(row).map(|(key, value)| (key, value))
    }

    /// The place of a key, and its value.
    pub(super) fn find(&self, hasher: &DefaultHashBuilder, key: &K) -> Option<(usize, &V)> {
        let place = self.place(hasher, key)?;
        row(&self.pages, place).map(|(_, value)| (place as usize, value))
    }

    /// The place of the last row, and its key.
    pub(super) fn last(&self) -> Option<(usize, &K)> {
        let (key, _) = self.pages.last()?.last()?;
        Some((self.len() - 1, key))
    }

    pub(super) fn get<Q>(&self, hasher: &DefaultHashBuilder, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.place(hasher, key)?;
        row(&self.pages, place).map(|(_, value)| value)
    }

    pub(super) fn get_mut<Q>(&mut self, hasher: &DefaultHashBuilder, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.place(hasher, key)?;
        row_mut(&mut self.pages, place).map(|(_, value)| value)
    }

    /// Sets the value of a key and returns the old one.
    ///
    /// # Panics
    /// Beyond 2^32 rows.
    pub(super) fn insert(&mut self, hasher: &DefaultHashBuilder, key: K, value: V) -> Option<V> {
        let place = u32::try_from(self.index.len()).expect("at most 2^32 rows a bucket");
        let pages = &self.pages;
        let is_it = |place: &u32| row(pages, *place).is_some_and(|(other, _)| *other == key);
        let hash_of = |place: &u32| row(pages, *place).map_or(0, |(key, _)| hasher.hash_one(key));
        match self.index.entry(hasher.hash_one(&key), is_it, hash_of) {
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                self.push((key, value));
                None
            }
            Entry::Occupied(occupied) => {
                let place = *occupied.get();
                row_mut(&mut self.pages, place).map(|(_, old)| std::mem::replace(old, value))
            }
        }
    }

    /// Removes a key and returns its value.
    pub(super) fn remove(&mut self, hasher: &DefaultHashBuilder, key: &K) -> Option<V> {
        let pages = &self.pages;
        let is_it = |place: &u32| row(pages, *place).is_some_and(|(other, _)| other == key);
        let found = self.index.find_entry(hasher.hash_one(key), is_it).ok()?;
        let (place, _) = found.remove();
        let last = self.pop()?;
        let moved_from = u32::try_from(self.index.len()).expect("fewer than before");
        if place == moved_from {
            return Some(last.1);
        }
        let moved = self
            .index
            .find_mut(hasher.hash_one(&last.0), |other| *other == moved_from)
            .expect("every row is in the index");
        *moved = place;
        let gap = row_mut(&mut self.pages, place).expect("a row before the last");
        Some(std::mem::replace(gap, last).1)
    }

    /// Makes room for so many rows more.
    pub(super) fn reserve(&mut self, hasher: &DefaultHashBuilder, rows: usize) {
        let pages = &self.pages;
        self.index.reserve(rows, |place| {
            row(pages, *place).map_or(0, |(key, _)| hasher.hash_one(key))
        });
    }

    fn place<Q>(&self, hasher: &DefaultHashBuilder, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let is_it = |place: &u32| row(&self.pages, *place).is_some_and(|(k, _)| k.borrow() == key);
        self.index.find(hasher.hash_one(key), is_it).copied()
    }

    fn push(&mut self, row: (K, V)) {
        if let Some(page) = self.pages.last_mut().filter(|page| page.len() < PAGE) {
            page.push(row);
            return;
        }
        // A table of few rows stays small.
        let room = if self.pages.is_empty() { 0 } else { PAGE };
        let mut page = Vec::with_capacity(room);
        page.push(row);
        self.pages.push(page);
    }

    /// Takes the last row; a page that gets empty is given back.
    fn pop(&mut self) -> Option<(K, V)> {
        let page = self.pages.last_mut()?;
        let last = page.pop();
        if page.is_empty() {
            self.pages.pop();
        }
        last
    }
}

fn row<T>(pages: &[Vec<T>], place: u32) -> Option<&T> {
    let place = place as usize;
    pages.get(place / PAGE)?.get(place % PAGE)
}

fn row_mut<T>(pages: &mut [Vec<T>], place: u32) -> Option<&mut T> {
    let place = place as usize;
    pages.get_mut(place / PAGE)?.get_mut(place % PAGE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Over several pages, and back.
        #[test]
        fn it_holds_what_was_inserted_and_not_removed(
            changes in prop::collection::vec((0_u16..400, prop::option::weighted(0.7, any::<u32>())), 0..900),
        ) {
            let hasher = DefaultHashBuilder::default();
            let mut table = Table::new();
            let mut expected = BTreeMap::new();
            for (key, change) in changes {
                let (ours, theirs) = if let Some(value) = change {
                    (table.insert(&hasher, key, value), expected.insert(key, value))
                } else {
                    (table.remove(&hasher, &key), expected.remove(&key))
                };
                prop_assert_eq!(ours, theirs);
            }
            for key in 0..400 {
                prop_assert_eq!(table.get(&hasher, &key), expected.get(&key));
            }
            let rows: BTreeMap<_, _> = table.iter().map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(table.iter().count(), expected.len());
            prop_assert_eq!(rows, expected);
        }
    }

    #[test]
    fn pages_go_with_their_last_row() {
        let hasher = DefaultHashBuilder::default();
        let mut table = Table::new();
        for key in 0..1000 {
            table.insert(&hasher, key, ());
        }
        assert_eq!(table.pages.len(), 1000_usize.div_ceil(PAGE));
        for key in 0..1000 {
            table.remove(&hasher, &key);
        }
        assert!(table.pages.is_empty());
    }
}
