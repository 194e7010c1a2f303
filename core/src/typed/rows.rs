use std::cell::RefCell;

use serde::Serialize;

use super::Application;
use crate::state::{ApplyContext, CapturedMap, DecideContext, DigestTable};
use crate::words::{Bucket, Digest, Fingerprint, Section};

/// The rows, to be looked at. What was looked at is remembered: the answer waits until it is committed.
#[derive(Debug)]
pub struct Rows<'a, A: Application> {
    pub(super) map: &'a CapturedMap<A::Key, A::Row>,
    pub(super) context: RefCell<DecideContext<'a>>,
}

impl<A: Application> Rows<'_, A> {
    /// The row of a key.
    pub fn get(&self, key: &A::Key) -> Option<&A::Row> {
        let bucket = bucket_of(key);
        self.context.borrow_mut().look(Section::of_bucket(bucket));
        self.map.get(bucket, key)
    }

    /// All rows, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (&A::Key, &A::Row)> {
        self.context.borrow_mut().look_everywhere();
        Bucket::all().flat_map(|bucket| self.map.iter(bucket))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.context.borrow_mut().look_everywhere();
        self.map.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The rows, to be changed by `apply`. Digest, captures and waiting answers are kept up to date.
#[derive(Debug)]
pub struct RowsMut<'a, 'c, A: Application> {
    pub(super) map: &'a mut CapturedMap<A::Key, A::Row>,
    pub(super) digests: &'a mut DigestTable,
    pub(super) context: &'a mut ApplyContext<'c>,
}

impl<A: Application> RowsMut<'_, '_, A> {
    /// The row of a key.
    pub fn get(&self, key: &A::Key) -> Option<&A::Row> {
        self.map.get(bucket_of(key), key)
    }

    /// Sets the row of a key and returns the old one.
    pub fn insert(&mut self, key: A::Key, row: A::Row) -> Option<A::Row> {
        let (bucket, cluster) = (bucket_of(&key), self.context.cluster());
        let section = Section::of_bucket(bucket);
        self.context.touch(section);
        self.digests
            .add(section, row_digest::<A>(cluster, &key, &row));
        if let Some(old) = self.map.get(bucket, &key) {
            self.digests
                .remove(section, row_digest::<A>(cluster, &key, old));
        }
        self.map.insert(bucket, key, row)
    }

    /// Removes a key and returns its row.
    pub fn remove(&mut self, key: &A::Key) -> Option<A::Row> {
        let (bucket, cluster) = (bucket_of(key), self.context.cluster());
        let section = Section::of_bucket(bucket);
        self.context.touch(section);
        let old = self.map.remove(bucket, key)?;
        self.digests
            .remove(section, row_digest::<A>(cluster, key, &old));
        Some(old)
    }
}

/// The encoding of keys, rows and operations.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("serialising plain data into memory does not fail")
}

pub(super) fn bucket_of<K: Serialize>(key: &K) -> Bucket {
    Bucket::of_key(&encode(key))
}

pub(super) fn row_digest<A: Application>(
    cluster: Fingerprint,
    key: &A::Key,
    row: &A::Row,
) -> Digest {
    Digest::of_row(cluster, &row_bytes::<A>(key, row))
}

/// What the digest of a row is made of.
pub(super) fn row_bytes<A: Application>(key: &A::Key, row: &A::Row) -> Vec<u8> {
    encode(&(key, row))
}
