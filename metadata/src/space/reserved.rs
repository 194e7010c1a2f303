use std::collections::{BTreeMap, BTreeSet};

use standfast_core::Seq;

/// A range and the entry that reserved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reservation {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) seq: Seq,
}

impl Reservation {
    const fn end(&self) -> u64 {
        self.offset + self.length
    }

    const fn overlaps(&self, offset: u64, end: u64) -> bool {
        self.offset < end && offset < self.end()
    }
}

/// Which reservations of a segment went and which came: what the digest has to follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) gone: Vec<Reservation>,
    pub(crate) come: Vec<Reservation>,
}

impl Change {
    pub(crate) const fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty()
    }
}

/// Ranges that do not overlap, each with the entry that reserved it. Neighbours are never joined: they may wait
/// for different entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Reservations {
    ranges: BTreeMap<u64, (u64, Seq)>,
    by_length: BTreeSet<(u64, u64)>,
    bytes: u64,
}

impl Reservations {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Reservation> {
        self.ranges
            .iter()
            .map(|(&offset, &(length, seq))| Reservation {
                offset,
                length,
                seq,
            })
    }

    /// The first at or behind `offset`.
    pub(super) fn at_or_behind(&self, offset: u64) -> Option<Reservation> {
        let (&offset, &(length, seq)) = self.ranges.range(offset..).next()?;
        Some(Reservation {
            offset,
            length,
            seq,
        })
    }

    /// The last that begins at or before `offset`.
    fn at_or_before(&self, offset: u64) -> Option<Reservation> {
        let (&offset, &(length, seq)) = self.ranges.range(..=offset).next_back()?;
        Some(Reservation {
            offset,
            length,
            seq,
        })
    }

    pub(super) fn insert(&mut self, range: Reservation) {
        if range.length > 0 {
            self.ranges.insert(range.offset, (range.length, range.seq));
            self.by_length.insert((range.length, range.offset));
            self.bytes += range.length;
        }
    }

    pub(super) fn remove(&mut self, range: Reservation) {
        self.ranges.remove(&range.offset);
        self.by_length.remove(&(range.length, range.offset));
        self.bytes -= range.length;
    }

    /// The one that holds the byte at `offset`.
    pub(super) fn holding(&self, offset: u64) -> Option<Reservation> {
        self.at_or_before(offset)
            .filter(|range| offset < range.end())
    }

    /// The shortest range of at least `length` bytes that was reserved behind `floor`.
    pub(super) fn best_fit(&self, length: u64, floor: Seq) -> Option<Reservation> {
        let mut long_enough = self.by_length.range((length, 0)..);
        long_enough.find_map(|&(length, offset)| {
            let &(_, seq) = self.ranges.get(&offset)?;
            (seq > floor).then_some(Reservation {
                offset,
                length,
                seq,
            })
        })
    }

    /// The newest of the ranges, from `first` on and without a gap, that together hold `length` bytes; all of
    /// them reserved behind `floor`.
    pub(super) fn run(&self, first: Reservation, length: u64, floor: Seq) -> Option<Seq> {
        let mut newest = Seq::ZERO;
        let mut range = first;
        loop {
            if range.seq <= floor {
                return None;
            }
            newest = newest.max(range.seq);
            if range.end() - first.offset >= length {
                return Some(newest);
            }
            let &(next, seq) = self.ranges.get(&range.end())?;
            range = Reservation {
                offset: range.end(),
                length: next,
                seq,
            };
        }
    }

    /// The one that ends at `end`.
    pub(super) fn ending_at(&self, end: u64) -> Option<Reservation> {
        self.at_or_before(end.checked_sub(1)?)
            .filter(|range| range.end() == end)
    }

    /// The last that lies in `offset..offset + length`, even in part.
    pub(super) fn meeting(&self, offset: u64, length: u64) -> Option<Reservation> {
        let end = offset.saturating_add(length);
        self.at_or_before(end.saturating_sub(1))
            .filter(|range| range.overlaps(offset, end))
    }

    /// Cuts `offset..offset + length` out, wherever it meets them, and says what changed.
    pub(super) fn cut(&mut self, offset: u64, length: u64) -> Change {
        let mut change = Change::default();
        let end = offset + length;
        while let Some(range) = self.meeting(offset, length) {
            self.remove(range);
            change.gone.push(range);
            for rest in rests(range, offset, end).into_iter().flatten() {
                self.insert(rest);
                change.come.push(rest);
            }
        }
        change
    }

    /// As [`Self::cut`], without the report: the hot path. Says whether anything was met.
    pub(super) fn take(&mut self, offset: u64, length: u64) -> bool {
        let end = offset + length;
        let mut met = false;
        while let Some(range) = self.meeting(offset, length) {
            met = true;
            self.remove(range);
            for rest in rests(range, offset, end).into_iter().flatten() {
                self.insert(rest);
            }
        }
        met
    }

    /// Those that lie in `range`, all of it.
    pub(super) fn within(&self, range: Reservation) -> impl Iterator<Item = Reservation> {
        let inside = self.ranges.range(range.offset..range.end());
        inside.map(|(&offset, &(length, seq))| Reservation {
            offset,
            length,
            seq,
        })
    }

    /// Takes out everything reserved at or before `through`.
    pub(super) fn take_through(&mut self, through: Seq) -> Vec<Reservation> {
        let old: Vec<_> = self.iter().filter(|range| range.seq <= through).collect();
        for range in &old {
            self.remove(*range);
        }
        old
    }
}

/// What is left of `range` before `offset` and from `end` on.
fn rests(range: Reservation, offset: u64, end: u64) -> [Option<Reservation>; 2] {
    let before = (range.offset < offset).then(|| Reservation {
        length: offset - range.offset,
        ..range
    });
    let behind = (end < range.end()).then(|| Reservation {
        offset: end,
        length: range.end() - end,
        ..range
    });
    [before, behind]
}
