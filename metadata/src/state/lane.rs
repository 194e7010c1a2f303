use std::collections::{BTreeMap, BTreeSet};
use std::vec::IntoIter;

use parking_lot::Mutex;
use standfast_core::{BucketMut, Digest, Fingerprint, Result, Section};

use super::allocated::Allocated;
use super::object::{Object, Progress};
use super::object_row;
use super::restore::undecodable;
use super::segment::Segment;
use super::tenants::{Tenants, Usage};
use crate::key::ObjectKey;
use crate::names::SegmentNumber;
use crate::op::Reader;

/// A bucket, and rows that are to go into it.
pub(super) type Job<'a, 'm> = (BucketMut<'m, ObjectKey, Object>, &'a [u8]);

/// What all lanes look at while they load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) cluster: Fingerprint,
    pub(super) segments: &'a BTreeMap<SegmentNumber, Segment>,
    pub(super) gone: Option<&'a BTreeSet<ObjectKey>>,
}

/// What follows from the objects that one thread loads: brought together when all are there.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) allocated: BTreeMap<SegmentNumber, Allocated>,
    pub(super) processing: Vec<(u64, ObjectKey)>,
    pub(super) tenants: Tenants,
    pub(super) digests: Vec<(Section, Digest)>,
}

impl Lane {
    /// Takes one after the other, as long as there are any: a thread that has to wait for a processor takes fewer.
    pub(super) fn load(
        &mut self,
        known: Known<'_>,
        jobs: &Mutex<IntoIter<Job<'_, '_>>>,
    ) -> Result<()> {
        loop {
            let next = jobs.lock().next();
            let Some((mut bucket, rows)) = next else {
                return Ok(());
            };
            let section = Section::of_bucket(bucket.bucket());
            self.load_rows(known, &mut bucket, rows)
                .ok_or_else(|| undecodable(section))?;
        }
    }

    /// `None` when a row cannot be decoded, or there is one of its key. The digest is of the bytes read: they are compared as
    /// a whole with what the state was that wrote them.
    fn load_rows(
        &mut self,
        known: Known<'_>,
        bucket: &mut BucketMut<'_, ObjectKey, Object>,
        rows: &[u8],
    ) -> Option<()> {
        let mut digest = Digest::default();
        let mut input = Reader(rows);
        while !input.is_empty() {
            let before = input.0;
            let (key, object) = object_row::read(&mut input)?;
            if known
                .gone
                .is_some_and(|gone| gone.contains(&key) || bucket.contains(&key))
            {
                continue;
            }
            let row = before.get(..before.len() - input.0.len())?;
            if before.len() == rows.len() {
                // The others are about as long.
                bucket.reserve(rows.len() / row.len());
            }
            digest = digest.with(Digest::of_row(known.cluster, row));
            self.gather(known, &key, &object);
            bucket.insert(key, object).is_none().then_some(())?;
        }
        self.digests
            .push((Section::of_bucket(bucket.bucket()), digest));
        Some(())
    }

    fn gather(&mut self, known: Known<'_>, key: &ObjectKey, object: &Object) {
        if let Progress::Processing(since) = object.progress {
            self.processing.push((since, key.clone()));
        }
        self.tenants.add(key.tenant(), Usage::of(object));
        for place in object.replicas.iter() {
            if known.segments.contains_key(&place.segment) {
                let allocated = self.allocated.entry(place.segment).or_default();
                allocated.push(place.offset, object.size);
            }
        }
    }
}
