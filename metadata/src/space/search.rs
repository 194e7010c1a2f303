use standfast_core::Seq;

use super::reserved::Reservation;
use super::segment_space::SegmentSpace;

/// At most so many ranges are reserved by one operation: it stays small, and the window is soon looked through.
const RANGES_LIMIT: usize = 256;

/// An allocation outside the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) offset: u64,
    /// Offset and length of what has to be reserved first.
    pub(crate) reserve: Vec<(u64, u64)>,
    /// What the part that is reserved already waits for.
    pub(crate) seq: Seq,
}

/// Where there is room: asked by the primary only, and changes nothing.
impl SegmentSpace {
    /// Finds room for `length` bytes in what was reserved behind `floor`: behind the last allocation, else the
    /// shortest range. Returns also the newest reservation it lies in.
    pub(crate) fn find(&self, length: u64, floor: Seq) -> Option<(u64, Seq)> {
        let near = self.window.at_or_behind(self.cursor).and_then(|range| {
            let newest = self.window.run(range, length, floor)?;
            Some((range.offset, newest))
        });
        near.or_else(|| {
            let range = self.window.best_fit(length, floor)?;
            Some((range.offset, range.seq))
        })
    }

    /// Finds room for `length` bytes where not all is reserved yet, and what to reserve for it: about `target`
    /// bytes, so that the next ones find the window open. The rest of the window behind the last allocation is used up
    /// together with what is free behind it; other such places are looked for, which takes time, only when no free
    /// range is long enough.
    pub(crate) fn find_fresh(&self, length: u64, floor: Seq, target: u64) -> Option<Fresh> {
        let want = target.max(length);
        let across = |range: Reservation| self.stretch(range.offset, length, floor, want);
        let near = self.window.at_or_behind(self.cursor);
        if let Some(fresh) = near.filter(|range| range.seq > floor).and_then(across) {
            return Some(fresh);
        }
        let longest = || self.free.longest().filter(|range| range.1 >= length);
        if let Some((offset, free)) = self.free.fit(want).or_else(longest) {
            return Some(Fresh {
                offset,
                reserve: vec![(offset, free.min(want))],
                seq: Seq::ZERO,
            });
        }
        let mut usable = self.window.iter().filter(|range| range.seq > floor);
        usable.find_map(across)
    }

    /// Room around a usable byte of the window, in window and free ranges together.
    fn stretch(&self, around: u64, length: u64, floor: Seq, want: u64) -> Option<Fresh> {
        let mut fresh = Fresh {
            offset: around,
            reserve: Vec::new(),
            seq: Seq::ZERO,
        };
        while let Some(before) = self.before(fresh.offset, floor) {
            fresh.offset = before;
        }
        let end = fresh.offset.checked_add(length)?;
        let mut at = fresh.offset;
        while at < end {
            if let Some(range) = self.window.holding(at).filter(|range| range.seq > floor) {
                fresh.seq = fresh.seq.max(range.seq);
                at = range.offset + range.length;
            } else {
                let free = self.free.beginning_at(at)?.min(want.max(end - at));
                fresh.reserve.push((at, free));
                at += free;
            }
        }
        Some(fresh)
    }

    /// Where the usable range begins that ends at `end`.
    fn before(&self, end: u64, floor: Seq) -> Option<u64> {
        let reserved = self
            .window
            .ending_at(end)
            .filter(|range| range.seq > floor)
            .map(|range| range.offset);
        reserved.or_else(|| self.free.ending_at(end))
    }

    /// What to reserve so that the window holds about `target` bytes again; nothing while it holds half.
    pub(crate) fn top_up(&self, target: u64, floor: Seq) -> Vec<(u64, u64)> {
        let open = if floor == Seq::ZERO {
            self.window.bytes()
        } else {
            let open = self.window.iter().filter(|range| range.seq > floor);
            open.map(|range| range.length).sum()
        };
        if open >= target.div_ceil(2) {
            return Vec::new();
        }
        if let Some(range) = self.behind_window(target) {
            return vec![range];
        }
        if let Some((offset, _)) = self.free.fit(target) {
            return vec![(offset, target)];
        }
        let mut left = target;
        let mut ranges = Vec::new();
        for (offset, free) in self.free.long(RANGES_LIMIT) {
            let length = free.min(left);
            ranges.push((offset, length));
            left -= length;
            if left == 0 {
                break;
            }
        }
        ranges
    }

    /// What is free right behind the last allocation, or behind the window it was in.
    fn behind_window(&self, target: u64) -> Option<(u64, u64)> {
        let mut end = self.cursor;
        while let Some(range) = self.window.holding(end) {
            end = range.offset + range.length;
        }
        let free = self.free.beginning_at(end)?;
        Some((end, free.min(target)))
    }
}
