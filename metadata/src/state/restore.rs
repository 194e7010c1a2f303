use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use parking_lot::Mutex;
use standfast_core::{BucketMut, Digest, EachChange, Error, Fingerprint, Result, Section, Seq};

use super::allocated::{Allocated, sorted};
use super::changes::read_gone;
use super::global_row::{Counters, GlobalRow};
use super::lane::{Job, Known, Lane};
use super::object::Object;
use super::object_row;
use super::segment::{Client, Segment, SegmentStatus};
use super::tables::Tables;
use super::tenants::Usage;
use crate::error::corrupt;
use crate::key::ObjectKey;
use crate::names::SegmentNumber;
use crate::op::Reader;
use crate::space::{Reservation, SegmentSpace};

/// More threads than this would wait for parts to be read.
const MOST_THREADS: usize = 8;

/// Tables that are being filled from the rows of a snapshot.
#[derive(Debug)]
pub(crate) struct Shadow {
    tables: Tables,
    reserved: BTreeMap<SegmentNumber, Vec<Reservation>>,
    /// Of copies and moves.
    under_way: BTreeMap<SegmentNumber, Allocated>,
    /// One for each thread that loads objects.
    lanes: Vec<Lane>,
    /// Objects that a later snapshot knows to be gone; `None` while all rows are of one snapshot.
    gone: Option<BTreeSet<ObjectKey>>,
}

impl Shadow {
    pub(crate) fn new(cluster: Fingerprint) -> Self {
        Self {
            tables: Tables::new(cluster),
            reserved: BTreeMap::new(),
            under_way: BTreeMap::new(),
            lanes: (0..threads()).map(|_| Lane::default()).collect(),
            gone: None,
        }
    }

    /// Gives the qualified key of every object that changed, and its row unless it went.
    pub(crate) fn each_change(
        section: Section,
        changes: &[u8],
        each: &mut EachChange<'_>,
    ) -> Result<()> {
        let mut input = Reader(changes);
        for key in read_gone(&mut input).ok_or_else(|| undecodable(section))? {
            each(&key.qualified(), None);
        }
        Self::each_object(section, input.0, &mut |key, row| each(key, Some(row)))
    }

    /// Adds what changed in one section, unless something later is known of it.
    pub(crate) fn load_changes(&mut self, section: Section, changes: &[u8]) -> Result<()> {
        let mut input = Reader(changes);
        let gone = read_gone(&mut input).ok_or_else(|| undecodable(section))?;
        self.gone.get_or_insert_default().extend(gone);
        self.load_all(&[(section, input.0)])
    }

    /// Gives the qualified key and the bytes of every object's row.
    pub(crate) fn each_object(
        section: Section,
        rows: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let mut input = Reader(rows);
        while !input.is_empty() {
            let before = input.0;
            let (key, _) = object_row::read(&mut input).ok_or_else(|| undecodable(section))?;
            let (row, _) = before.split_at(before.len() - input.0.len());
            each(&key.qualified(), row);
        }
        Ok(())
    }

    /// Digest of the rows of one section.
    pub(crate) fn digest_rows(&self, section: Section, rows: &[u8]) -> Result<Digest> {
        let mut sum = Digest::default();
        let mut input = Reader(rows);
        while !input.is_empty() {
            let before = input.0;
            let read = match section.bucket() {
                None => GlobalRow::read(&mut input).map(drop),
                Some(_) => object_row::read(&mut input).map(drop),
            };
            read.ok_or_else(|| undecodable(section))?;
            let (row, _) = before.split_at(before.len() - input.0.len());
            sum = sum.with(Digest::of_row(self.tables.cluster, row));
        }
        Ok(sum)
    }

    /// Adds the rows of sections, none of them twice; globals come first. Objects are loaded by several threads.
    pub(crate) fn load_all(&mut self, sections: &[(Section, &[u8])]) -> Result<()> {
        for (section, rows) in sections {
            if section.bucket().is_none() {
                let mut input = Reader(rows);
                while !input.is_empty() {
                    self.load_global(&mut input)
                        .ok_or_else(|| undecodable(*section))?;
                }
            }
        }
        self.load_objects(sections)
    }

    fn load_objects(&mut self, sections: &[(Section, &[u8])]) -> Result<()> {
        let known = Known {
            cluster: self.tables.cluster,
            segments: &self.tables.segments,
            gone: self.gone.as_ref(),
        };
        let lanes = &mut self.lanes;
        self.tables.objects.fill(|buckets| {
            let jobs = jobs(buckets, sections)?;
            let mut lanes = lanes.iter_mut().take(jobs.len());
            let jobs = &Mutex::new(jobs.into_iter());
            let Some(ours) = lanes.next() else {
                return Ok(());
            };
            thread::scope(|scope| {
                let others: Vec<_> = lanes
                    .map(|lane| scope.spawn(move || lane.load(known, jobs)))
                    .collect();
                let loaded = ours.load(known, jobs);
                let others = others.into_iter().map(ScopedJoinHandle::join);
                let others = others.map(|other| other.unwrap_or_else(|panic| resume_unwind(panic)));
                others.fold(loaded, Result::and)
            })
        })
    }

    fn load_global(&mut self, input: &mut Reader<'_>) -> Option<()> {
        let row = GlobalRow::read(input)?;
        let tables = &mut self.tables;
        match &row {
            GlobalRow::Counters(counters) => {
                tables.counters = *counters;
                (*counters != Counters::default()).then_some(())?;
            }
            GlobalRow::Client(number, id) => {
                let (number, joined) = (*number, Seq::ZERO);
                tables.clients.insert(*id, Client { number, joined });
            }
            GlobalRow::Segment(number, owner, info) => {
                tables.by_id.insert(info.id, *number);
                let segment = Segment {
                    number: *number,
                    info: Arc::new(info.clone().into_owned()),
                    owner: *owner,
                    space: SegmentSpace::new(info.size),
                    status: SegmentStatus::Mounted,
                };
                tables.segments.insert(*number, segment);
            }
            GlobalRow::Reservation(number, range) => {
                self.reserved.entry(*number).or_default().push(*range);
                tables.marks.applied = tables.marks.applied.max(range.seq);
            }
            GlobalRow::Held(held) => {
                tables.held.insert(*held);
            }
            GlobalRow::UnderWay(key, under_way) => {
                for place in &under_way.targets {
                    let allocated = self.under_way.entry(place.segment).or_default();
                    allocated.push(place.offset, under_way.size);
                }
                let (key, under_way) = (ObjectKey::of(key), under_way.clone().into_owned());
                tables
                    .tenants
                    .add(key.tenant(), Usage::under_way(&under_way));
                tables.transfers.insert(key, under_way);
            }
            GlobalRow::Dismissed(id, dismissed) => {
                tables.dismissed.insert(*id, *dismissed);
            }
            GlobalRow::Forgotten(id, incarnation, until_ms) => {
                tables.forgotten.insert((*id, *incarnation), *until_ms);
            }
            GlobalRow::Status(number, status) => {
                tables.segments.get_mut(number)?.status = *status;
            }
            GlobalRow::Quota(tenant, quota) => {
                let before = tables.tenants.set_quota(tenant, *quota, Seq::ZERO);
                before.is_none().then_some(())?;
            }
        }
        tables.add_global(&row);
        Some(())
    }

    /// The tables, with what follows from the rows.
    pub(crate) fn finish(mut self) -> Result<Tables> {
        let mut allocated = self.bring_together();
        let unknown = |number: &SegmentNumber| !self.tables.segments.contains_key(number);
        let held = self.tables.held.iter().map(|held| &held.range.segment);
        if let Some(number) = self.reserved.keys().chain(held).find(|n| unknown(n)) {
            return Err(corrupt(format!(
                "rows name segment {number}, which is not mounted"
            )));
        }
        for (number, segment) in &mut self.tables.segments {
            let held: Vec<_> = self
                .tables
                .held
                .iter()
                .map(|held| held.range)
                .filter(|range| range.segment == *number)
                .map(|range| (range.offset, range.length))
                .collect();
            segment.space = SegmentSpace::restore(
                segment.info.size,
                sorted(allocated.remove(number).unwrap_or_default()),
                &held,
                self.reserved.get(number).map_or(&[], Vec::as_slice),
            )?;
        }
        self.tables.numbers = self.tables.segments.keys().copied().collect();
        Ok(self.tables)
    }

    /// Puts into the tables what the lanes have gathered; gives what is allocated in each segment.
    fn bring_together(&mut self) -> BTreeMap<SegmentNumber, Vec<Allocated>> {
        let mut lanes = std::mem::take(&mut self.lanes);
        thread::scope(|scope| {
            for lane in &mut lanes {
                scope.spawn(|| lane.allocated.values_mut().for_each(Allocated::sort));
            }
        });
        let mut allocated = BTreeMap::<_, Vec<_>>::new();
        for lane in lanes {
            for (section, digest) in lane.digests {
                self.tables.digest.add(section, digest);
            }
            self.tables.tenants.add_all(&lane.tenants);
            self.tables.processing.extend(lane.processing);
            for (segment, of_lane) in lane.allocated {
                allocated.entry(segment).or_default().push(of_lane);
            }
        }
        for (segment, under_way) in std::mem::take(&mut self.under_way) {
            allocated.entry(segment).or_default().push(under_way);
        }
        allocated
    }
}

/// How many threads load objects.
fn threads() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    processors.min(MOST_THREADS)
}

/// Which rows go into which bucket.
fn jobs<'a, 'm>(
    buckets: Vec<BucketMut<'m, ObjectKey, Object>>,
    sections: &[(Section, &'a [u8])],
) -> Result<Vec<Job<'a, 'm>>> {
    let mut buckets: Vec<_> = buckets.into_iter().map(Some).collect();
    let objects = sections
        .iter()
        .filter_map(|(section, rows)| Some((section, section.bucket()?, *rows)));
    objects
        .map(|(section, bucket, rows)| {
            let bucket = buckets.get_mut(bucket.index()).and_then(Option::take);
            Ok((bucket.ok_or_else(|| undecodable(*section))?, rows))
        })
        .collect()
}

pub(super) fn undecodable(section: Section) -> Error {
    corrupt(format!(
        "a row of section {} of a snapshot cannot be decoded",
        section.number()
    ))
}
