use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::loss::Dice;

pub(super) const PAGE: u64 = 4096;
const PAGE_LENGTH: usize = 4096;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

type Page = Arc<[u8; PAGE_LENGTH]>;

/// The bytes of a file: as they read now, and as they lie on the disk.
#[derive(Debug, Default)]
pub(super) struct Content {
    now: Version,
    durable: Version,
    /// Pages that the next sync writes. A failed sync empties it and writes nothing.
    dirty: BTreeSet<u64>,
    size_is_dirty: bool,
}

/// Pages that are not there read as zeros.
#[derive(Clone, Debug, Default)]
struct Version {
    size: u64,
    pages: BTreeMap<u64, Page>,
}

fn index(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

/// The pages that `range` touches.
fn touched(range: &Range<u64>) -> Range<u64> {
    range.start / PAGE..range.end.div_ceil(PAGE)
}

impl Version {
    fn page(&self, number: u64) -> Page {
        let page = self.pages.get(&number);
        page.map_or_else(|| Arc::new([0; PAGE_LENGTH]), Arc::clone)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = index(at % PAGE);
            let (piece, later) = rest.split_at(rest.len().min(PAGE_LENGTH - within));
            let page = self.pages.entry(at / PAGE);
            let page = page.or_insert_with(|| Arc::new([0; PAGE_LENGTH]));
            Arc::make_mut(page)[within..within + piece.len()].copy_from_slice(piece);
            at += piece.len() as u64;
            rest = later;
        }
    }

    /// Cuts what lies behind `size`: were the file to grow again, it would read as zeros.
    fn cut(&mut self, size: u64) {
        self.pages.split_off(&size.div_ceil(PAGE));
        if let Some(last) = self.pages.get_mut(&(size / PAGE)) {
            Arc::make_mut(last)[index(size % PAGE)..].fill(0);
        }
        self.size = size;
    }

    fn put(&mut self, number: u64, page: Option<&Page>) {
        match page {
            Some(page) => self.pages.insert(number, Arc::clone(page)),
            None => self.pages.remove(&number),
        };
    }
}

impl Content {
    pub(super) fn size(&self) -> u64 {
        self.now.size
    }

    /// How many pages it takes. What was cut off is free when a sync has made that durable.
    pub(super) fn pages(&self) -> u64 {
        let gone = self.durable.pages.keys();
        let gone = gone.filter(|number| !self.now.pages.contains_key(number));
        (self.now.pages.len() + gone.count()) as u64
    }

    /// How many pages the next sync writes.
    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// How many pages more it would take with `range` written.
    pub(super) fn growth(&self, range: &Range<u64>) -> u64 {
        let pages = touched(range);
        let there = self.now.pages.range(pages.clone()).count() as u64;
        pages.end - pages.start - there
    }

    pub(super) fn read(&self, offset: u64, length: u64) -> Vec<u8> {
        let end = offset.saturating_add(length).min(self.now.size);
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < end {
            let next = end.min((at / PAGE + 1) * PAGE);
            let from = index(at % PAGE);
            let length = index(next - at);
            match self.now.pages.get(&(at / PAGE)) {
                Some(page) => bytes.extend_from_slice(&page[from..from + length]),
                None => bytes.resize(bytes.len() + length, 0),
            }
            at = next;
        }
        bytes
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        self.now.write(offset, bytes);
        self.dirty.extend(touched(&(offset..end)));
        self.grow(end);
    }

    fn grow(&mut self, end: u64) {
        if end > self.now.size {
            self.now.size = end;
            self.size_is_dirty = true;
        }
    }

    /// Room behind the end goes as well.
    pub(super) fn truncate(&mut self, size: u64) {
        let changed = self.now.pages.range(size / PAGE..);
        self.dirty.extend(changed.map(|(number, _)| number));
        self.now.cut(size);
        self.size_is_dirty = true;
    }

    /// Gives `range` its pages; what was there stays.
    pub(super) fn allocate(&mut self, range: Range<u64>, keep_size: bool) {
        for number in touched(&range) {
            if !self.now.pages.contains_key(&number) {
                self.now.put(number, Some(&self.now.page(number)));
                self.dirty.insert(number);
            }
        }
        if !keep_size {
            self.grow(range.end);
        }
    }

    /// Makes `range` read as zeros.
    pub(super) fn punch(&mut self, range: Range<u64>) {
        let end = range.end.min(self.now.size);
        if range.start < end {
            self.now
                .write(range.start, &vec![0; index(end - range.start)]);
            self.dirty.extend(touched(&(range.start..end)));
        }
    }

    pub(super) fn sync(&mut self) {
        for number in std::mem::take(&mut self.dirty) {
            self.durable.put(number, self.now.pages.get(&number));
        }
        if std::mem::take(&mut self.size_is_dirty) {
            self.durable.size = self.now.size;
        }
    }

    /// A sync that failed: nothing was written, and nothing will be.
    pub(super) fn fail_sync(&mut self) {
        self.dirty.clear();
        self.size_is_dirty = false;
    }

    /// What a power cut leaves.
    pub(super) fn cut(&self, dice: &mut Dice) -> Self {
        let mut left = self.durable.clone();
        for number in &self.dirty {
            let (old, new) = (self.durable.page(*number), self.now.page(*number));
            let page = if dice.tears() {
                torn(&old, &new, dice)
            } else if dice.survives() {
                new
            } else {
                continue;
            };
            left.put(*number, Some(&page));
        }
        if self.size_is_dirty && dice.survives() {
            left.size = self.now.size;
        }
        left.cut(left.size);
        Self {
            now: left.clone(),
            durable: left,
            dirty: BTreeSet::new(),
            size_is_dirty: false,
        }
    }
}

fn torn(old: &Page, new: &Page, dice: &mut Dice) -> Page {
    let mut torn = Arc::clone(old);
    let sectors = Arc::make_mut(&mut torn).chunks_exact_mut(SECTOR);
    for (sector, new) in sectors.zip(new.chunks_exact(SECTOR)) {
        if dice.survives() {
            sector.copy_from_slice(new);
        }
    }
    torn
}
