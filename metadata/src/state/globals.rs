use std::borrow::Cow;

use standfast_core::{Digest, Section};

use super::global_row::{Counters, GlobalRow, Held};
use super::segment::{Segment, SegmentStatus};
use super::tables::Tables;
use crate::names::SegmentNumber;
use crate::op::Range;
use crate::space::Change;

impl Tables {
    pub(super) fn add_global(&mut self, row: &GlobalRow<'_>) {
        let hash = self.hash_global(row);
        self.digest.add(Section::GLOBALS, hash);
    }

    pub(super) fn remove_global(&mut self, row: &GlobalRow<'_>) {
        let hash = self.hash_global(row);
        self.digest.remove(Section::GLOBALS, hash);
    }

    fn hash_global(&mut self, row: &GlobalRow<'_>) -> Digest {
        self.row.clear();
        row.write(&mut self.row);
        Digest::of_row(self.cluster, &self.row)
    }

    pub(super) fn set_counters(&mut self, counters: Counters) {
        let old = std::mem::replace(&mut self.counters, counters);
        if old != Counters::default() {
            self.remove_global(&GlobalRow::Counters(old));
        }
        if counters != Counters::default() {
            self.add_global(&GlobalRow::Counters(counters));
        }
    }

    pub(super) fn reservations_changed(&mut self, segment: SegmentNumber, change: &Change) {
        for range in &change.gone {
            self.remove_global(&GlobalRow::Reservation(segment, *range));
        }
        for range in &change.come {
            self.add_global(&GlobalRow::Reservation(segment, *range));
        }
    }

    pub(super) fn hold_back(&mut self, until_ms: u64, range: Range) {
        let held = Held { until_ms, range };
        self.held.insert(held);
        self.add_global(&GlobalRow::Held(held));
    }

    /// Forgets a range held back; it is the caller's to free.
    pub(super) fn let_go(&mut self, held: Held) {
        if self.held.remove(&held) {
            self.remove_global(&GlobalRow::Held(held));
        }
    }

    /// The row of a segment, without its status and reservations.
    pub(super) fn segment_row(segment: &Segment) -> GlobalRow<'_> {
        let info = Cow::Borrowed(&*segment.info);
        GlobalRow::Segment(segment.number, segment.owner, info)
    }

    pub(super) fn set_status(&mut self, number: SegmentNumber, status: SegmentStatus) {
        let Some(segment) = self.segments.get_mut(&number) else {
            return;
        };
        let old = std::mem::replace(&mut segment.status, status);
        if old != SegmentStatus::Mounted {
            self.remove_global(&GlobalRow::Status(number, old));
        }
        if status != SegmentStatus::Mounted {
            self.add_global(&GlobalRow::Status(number, status));
        }
    }

    /// Every row that belongs to no key, encoded; and how many.
    pub(crate) fn write_globals(&self, out: &mut Vec<u8>) -> u64 {
        let mut rows = 0;
        let mut write = |row: GlobalRow<'_>| {
            row.write(out);
            rows += 1;
        };
        if self.counters != Counters::default() {
            write(GlobalRow::Counters(self.counters));
        }
        for (id, client) in &self.clients {
            write(GlobalRow::Client(client.number, *id));
        }
        for segment in self.segments.values() {
            write(Self::segment_row(segment));
        }
        for (number, segment) in &self.segments {
            if segment.status != SegmentStatus::Mounted {
                write(GlobalRow::Status(*number, segment.status));
            }
        }
        for (number, segment) in &self.segments {
            for range in segment.space.reservations() {
                write(GlobalRow::Reservation(*number, range));
            }
        }
        for (id, dismissed) in &self.dismissed {
            write(GlobalRow::Dismissed(*id, *dismissed));
        }
        for ((id, incarnation), until_ms) in &self.forgotten {
            write(GlobalRow::Forgotten(*id, *incarnation, *until_ms));
        }
        for (key, under_way) in &self.transfers {
            write(GlobalRow::transfer(key, under_way));
        }
        for held in &self.held {
            write(GlobalRow::Held(*held));
        }
        for quota in self.tenants.rows() {
            write(quota);
        }
        rows
    }
}
