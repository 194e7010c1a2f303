//! A service to snapshot: a map from bytes to bytes, and a counter that belongs to no key.

use std::any::Any;
use std::collections::BTreeSet;

use standfast_core::{
    ApplyContext, Bucket, CaptureId, CapturedMap, Command, DecideContext, Decision, Digest,
    DigestTable, EachChange, Entry, Error, ErrorKind, Fingerprint, Op, OpType, Portion, Refusal,
    Reply, Result, Section, Service, ShadowState, StateMachine, Versions, read_varint,
    write_varint,
};

pub(crate) const PUT: OpType = OpType(16);
pub(crate) const REMOVE: OpType = OpType(17);
pub(crate) const COUNT: OpType = OpType(18);

/// Two rows in a bucket may be one change apart: the map's rows are `key length v, key, value length v, value`.
#[derive(Debug)]
pub(crate) struct MapService {
    cluster: Option<Fingerprint>,
    rows: CapturedMap<Vec<u8>, Vec<u8>>,
    counter: u64,
    counter_captured: Option<u64>,
    digests: DigestTable,
    /// While it is restored from changes: the keys known to be gone.
    gone: Option<BTreeSet<Vec<u8>>>,
    /// Whether the shadow state can tell digests without keeping rows.
    sums: bool,
}

impl MapService {
    pub(crate) fn new(sums: bool) -> Self {
        Self {
            cluster: None,
            rows: CapturedMap::new(),
            counter: 0,
            counter_captured: None,
            digests: DigestTable::new(),
            gone: None,
            sums,
        }
    }

    /// Sets a row that comes from a snapshot, unless something later is known of its key.
    fn load_row(&mut self, key: &[u8], value: &[u8]) {
        let known = self.rows.get(Bucket::of_key(key), key).is_some();
        let gone = |gone: &BTreeSet<Vec<u8>>| known || gone.contains(key);
        if !self.gone.as_ref().is_some_and(gone) {
            self.set(key, Some(value));
        }
    }

    fn row(&self, key: &[u8], value: &[u8]) -> Digest {
        Digest::of_row(self.cluster.expect("opened"), &encode(key, value))
    }

    fn counter_row(&self, counter: u64) -> Digest {
        match counter {
            0 => Digest::default(),
            n => Digest::of_row(self.cluster.expect("opened"), &n.to_le_bytes()),
        }
    }

    fn set(&mut self, key: &[u8], value: Option<&[u8]>) {
        let bucket = Bucket::of_key(key);
        let old = match value {
            Some(value) => self.rows.insert(bucket, key.to_vec(), value.to_vec()),
            None => self.rows.remove(bucket, &key.to_vec()),
        };
        let section = Section::of_bucket(bucket);
        if let Some(old) = old {
            let old = self.row(key, &old);
            self.digests.remove(section, old);
        }
        if let Some(value) = value {
            let new = self.row(key, value);
            self.digests.add(section, new);
        }
    }

    fn count(&mut self, counter: u64) {
        let (old, new) = (self.counter_row(self.counter), self.counter_row(counter));
        self.digests.replace(Section::GLOBALS, old, new);
        self.counter = counter;
    }
}

fn encode(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + value.len() + 4);
    write_varint(&mut out, key.len() as u64);
    out.extend_from_slice(key);
    write_varint(&mut out, value.len() as u64);
    out.extend_from_slice(value);
    out
}

fn field<'a>(rows: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_varint(rows)?).ok()?;
    let (field, rest) = rows.split_at_checked(length)?;
    *rows = rest;
    Some(field)
}

fn each_row(mut rows: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Result<()> {
    while !rows.is_empty() {
        let (Some(key), Some(value)) = (field(&mut rows), field(&mut rows)) else {
            return Err(Error::new(ErrorKind::Corrupt, "load rows"));
        };
        each(key, value);
    }
    Ok(())
}

/// A change is a row behind a byte: 1, or 0 when it is gone.
fn each_change(mut changes: &[u8], mut each: impl FnMut(&[u8], Option<&[u8]>)) -> Result<()> {
    while let Some((set, rest)) = changes.split_first() {
        changes = rest;
        let (Some(key), Some(value)) = (field(&mut changes), field(&mut changes)) else {
            return Err(Error::new(ErrorKind::Corrupt, "load changes"));
        };
        each(key, (*set == 1).then_some(value));
    }
    Ok(())
}

fn counter_of(rows: &[u8]) -> Result<Option<u64>> {
    match rows.first_chunk() {
        Some(counter) => Ok(Some(u64::from_le_bytes(*counter))),
        None if rows.is_empty() => Ok(None),
        None => Err(Error::new(ErrorKind::Corrupt, "load counter")),
    }
}

impl StateMachine for MapService {
    fn apply(&mut self, context: &mut ApplyContext<'_>, entry: &Entry<'_>) -> Result<Reply> {
        match entry.op_type {
            PUT => self.set(&entry.key, Some(&entry.payload)),
            REMOVE => self.set(&entry.key, None),
            COUNT => self.count(self.counter + 1),
            other => {
                let error = Error::new(ErrorKind::Version, "apply");
                return Err(error.context(format!("op type {other}")));
            }
        }
        context.touch(Section::of_bucket(Bucket::of_key(&entry.key)));
        Ok(Reply(entry.key.to_vec()))
    }

    fn digest(&self) -> Digest {
        self.digests.total()
    }

    fn section_digest(&self, section: Section) -> Digest {
        self.digests.section(section)
    }

    fn rows(&self) -> u64 {
        self.rows.len() as u64
    }

    fn capture(&mut self) -> CaptureId {
        self.rows.capture();
        self.counter_captured = Some(self.counter);
        CaptureId(1)
    }

    fn read_section(&mut self, capture: CaptureId, section: Section, out: &mut Vec<u8>) -> u64 {
        let mut rows = 0;
        loop {
            let read = self.read_some(capture, section, usize::MAX, out);
            rows += read.rows;
            if !read.more {
                return rows;
            }
        }
    }

    /// One row at a time, so that there is something between those of a bucket.
    fn read_some(
        &mut self,
        _: CaptureId,
        section: Section,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Portion {
        let Some(bucket) = section.bucket() else {
            let counter = self.counter_captured.unwrap_or(self.counter);
            if counter > 0 {
                out.extend_from_slice(&counter.to_le_bytes());
            }
            return Portion {
                rows: u64::from(counter > 0),
                more: false,
            };
        };
        let mut rows = 0;
        let more = self.rows.read_some(bucket, most.min(1), |key, value| {
            out.extend_from_slice(&encode(key, value));
            rows += 1;
        });
        Portion { rows, more }
    }

    fn changed(&self) -> Option<u64> {
        self.rows.changed().map(|keys| keys as u64)
    }

    fn read_changes(&mut self, _: CaptureId, section: Section, out: &mut Vec<u8>) -> Option<u64> {
        let mut rows = 0;
        self.rows.read_changes(section.bucket()?, |key, value| {
            out.push(u8::from(value.is_some()));
            out.extend_from_slice(&encode(key, value.map_or(&[], Vec::as_slice)));
            rows += 1;
        });
        Some(rows)
    }

    fn rebase(&mut self, _: CaptureId) {
        self.rows.rebase();
    }

    fn end_capture(&mut self, _: CaptureId) {
        self.rows.end_capture();
        self.counter_captured = None;
    }

    fn begin_restore(&self) -> Box<dyn ShadowState> {
        let mut shadow = Self::new(self.sums);
        shadow.cluster = self.cluster;
        Box::new(shadow)
    }

    fn versions(&self) -> Versions {
        Versions {
            written: 1,
            lowest_reader: 1,
            digest: 1,
        }
    }
}

impl ShadowState for MapService {
    fn load(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        if section == Section::GLOBALS {
            if let Some(counter) = counter_of(rows)? {
                self.count(counter);
            }
            return Ok(());
        }
        each_row(rows, |key, value| self.load_row(key, value))
    }

    fn load_changes(&mut self, _: Section, changes: &[u8]) -> Result<()> {
        self.gone.get_or_insert_default();
        each_change(changes, |key, value| match value {
            Some(value) => self.load_row(key, value),
            None => drop(self.gone.as_mut().map(|gone| gone.insert(key.to_vec()))),
        })
    }

    fn each_change(&self, _: Section, changes: &[u8], each: &mut EachChange<'_>) -> Result<bool> {
        each_change(changes, |key, value| {
            each(key, value.map(|value| encode(key, value)).as_deref());
        })?;
        Ok(self.sums)
    }

    fn digest_rows(&self, section: Section, rows: &[u8]) -> Result<Option<Digest>> {
        if !self.sums {
            return Ok(None);
        }
        if section == Section::GLOBALS {
            let counter = counter_of(rows)?;
            return Ok(Some(counter.map_or_else(Digest::default, |counter| {
                self.counter_row(counter)
            })));
        }
        let mut sum = Digest::default();
        each_row(rows, |key, value| sum = sum.with(self.row(key, value)))?;
        Ok(Some(sum))
    }

    fn each_row(
        &self,
        _: Section,
        rows: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<bool> {
        each_row(rows, |key, value| each(key, &encode(key, value)))?;
        Ok(self.sums)
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Service>> {
        Ok(self)
    }
}

impl Service for MapService {
    fn open(&mut self, cluster: Fingerprint) {
        self.cluster = Some(cluster);
    }

    fn decide(
        &mut self,
        _: &mut DecideContext<'_>,
        _: &Command,
        _: u32,
    ) -> Result<Decision, Refusal> {
        Ok(Decision::committed(Vec::new()))
    }

    fn query(
        &mut self,
        _: &mut DecideContext<'_>,
        _: &(dyn Any + Send + Sync),
    ) -> Box<dyn Any + Send> {
        Box::new(self.counter)
    }

    fn upkeep(&mut self, _: &mut DecideContext<'_>) -> Vec<Op> {
        Vec::new()
    }

    fn term_begins(&mut self, _: u64) {}
}
