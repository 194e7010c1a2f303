use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use standfast_core::{Digest, EachChange, Error, Fingerprint, Result, Section, Seq};

use super::allocated::Allocated;
use super::changes::read_gone;
use super::global_row::{Counters, GlobalRow};
use super::object_row;
use super::segment::{Client, Segment, SegmentStatus};
use super::tables::Tables;
use crate::error::corrupt;
use crate::key::ObjectKey;
use crate::names::SegmentNumber;
use crate::op::Reader;
use crate::space::{Reservation, SegmentSpace};

/// Tables that are being filled from the rows of a snapshot.
#[derive(Debug)]
pub(crate) struct Shadow {
    tables: Tables,
    reserved: BTreeMap<SegmentNumber, Vec<Reservation>>,
    allocated: BTreeMap<SegmentNumber, Allocated>,
    /// Objects that a later snapshot knows to be gone; `None` while all rows are of one snapshot.
    gone: Option<BTreeSet<ObjectKey>>,
}

impl Shadow {
    pub(crate) fn new(cluster: Fingerprint) -> Self {
        Self {
            tables: Tables::new(cluster),
            reserved: BTreeMap::new(),
            allocated: BTreeMap::new(),
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
        self.load(section, input.0)
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

    /// Adds the rows of one section; globals come first.
    pub(crate) fn load(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        let mut input = Reader(rows);
        while !input.is_empty() {
            let loaded = match section.bucket() {
                None => self.load_global(&mut input),
                Some(_) => self.load_object(section, &mut input),
            };
            loaded.ok_or_else(|| undecodable(section))?;
        }
        Ok(())
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
                    let allocated = self.allocated.entry(place.segment).or_default();
                    allocated.push(place.offset, under_way.size);
                }
                let under_way = under_way.clone().into_owned();
                tables.transfers.insert(ObjectKey::of(key), under_way);
            }
            GlobalRow::Dismissed(id, dismissed) => {
                tables.dismissed.insert(*id, *dismissed);
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

    fn load_object(&mut self, section: Section, input: &mut Reader<'_>) -> Option<()> {
        let bucket = section.bucket()?;
        let before = input.0;
        let (key, object) = object_row::read(input)?;
        let row = before.get(..before.len() - input.0.len())?;
        if let Some(gone) = &self.gone
            && (gone.contains(&key) || self.tables.object(bucket, &key).is_some())
        {
            return Some(());
        }
        for place in object.replicas.iter() {
            if self.tables.segments.contains_key(&place.segment) {
                let allocated = self.allocated.entry(place.segment).or_default();
                allocated.push(place.offset, object.size);
            }
        }
        self.tables.load_object(bucket, key, object, row)
    }

    /// The tables, with what follows from the rows.
    pub(crate) fn finish(mut self) -> Result<Tables> {
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
                self.allocated.remove(number).unwrap_or_default().sorted(),
                &held,
                self.reserved.get(number).map_or(&[], Vec::as_slice),
            )?;
        }
        self.tables.numbers = self.tables.segments.keys().copied().collect();
        Ok(self.tables)
    }
}

fn undecodable(section: Section) -> Error {
    corrupt(format!(
        "a row of section {} of a snapshot cannot be decoded",
        section.number()
    ))
}
