use standfast_core::{Result, Seq};

use super::free::FreeRanges;
use super::reserved::{Change, Reservation, Reservations};
use crate::error::corrupt;

/// The bytes of one segment. Each byte is at any time one of:
///
/// ```text
///            reserve                 place                     free (Remove of a complete object)
///   free ------------->  window  ------------->  allocated  --------------------------------------> free
///                          |                        |
///                          | retire                 | hold (PutRevoke, expiry, overwriting)
///                          +------> held back <-----+
///                                       | release
///                                       +-----------------------------------------------------------> free
/// ```
///
/// What was reserved is kept as *reservations*, which are in the digest; the *window* is what of them is not
/// allocated. An allocation leaves the reservations as they are, so a put changes no row but its own. A range
/// that stops being allocated leaves the reservations as well ("freeing takes a range out of the window"):
/// it can be allocated again only after it was reserved anew, by an entry later in the log than the removal.
/// Thus an allocation whose reservation is committed lies on bytes whose earlier owner is gone for good.
#[derive(Clone, Debug)]
pub(crate) struct SegmentSpace {
    size: u64,
    pub(super) free: FreeRanges,
    reserved: Reservations,
    pub(super) window: Reservations,
    /// Bytes that are held back.
    held: u64,
    /// What was allocated since reservations were brought in line with the window. Parts of it may be free or held back by
    /// now.
    placed: Vec<(u64, u64)>,
    /// Behind the last allocation, where the next is looked for first: not in the digest, zero after a restore.
    pub(super) cursor: u64,
}

impl SegmentSpace {
    /// All of `size` bytes free.
    pub(crate) fn new(size: u64) -> Self {
        Self {
            size,
            free: FreeRanges::from_sorted(&[(0, size)]),
            reserved: Reservations::default(),
            window: Reservations::default(),
            held: 0,
            placed: Vec::new(),
            cursor: 0,
        }
    }

    /// As it was, from what is in rows: allocated ranges by offset, held-back ranges and reservations in any order.
    ///
    /// # Errors
    /// `Corrupt` when two of them overlap, or one lies outside.
    pub(crate) fn restore(
        size: u64,
        allocated: impl Iterator<Item = (u64, u64)>,
        held: &[(u64, u64)],
        reserved: &[Reservation],
    ) -> Result<Self> {
        let mut space = Self::new(size);
        for range in reserved {
            check_inside(size, range.offset, range.length)?;
            if space.reserved.meeting(range.offset, range.length).is_some() {
                return Err(corrupt("two reservations of a segment overlap"));
            }
            space.reserved.insert(*range);
            space.window.insert(*range);
        }
        let mut sorted = held.to_vec();
        sorted.sort_unstable();
        let mut sorted = sorted.into_iter().peekable();
        let mut gaps = Gaps::new(size);
        for (offset, length) in allocated {
            while let Some(before) = sorted.next_if(|before| before.0 <= offset) {
                gaps.busy(before)?;
            }
            gaps.busy((offset, length))?;
            if space.window.take(offset, length) {
                space.placed.push((offset, length));
            }
        }
        for behind in sorted {
            gaps.busy(behind)?;
        }
        space.held = held.iter().map(|(_, length)| length).sum();
        space.free = FreeRanges::from_sorted(&gaps.finish());
        for open in space.window.iter() {
            if space.free.around(open.offset, open.length).is_none() {
                return Err(corrupt(format!("{open:?} overlaps what is held back")));
            }
            space.free.take(open.offset, open.length);
        }
        Ok(space)
    }

    pub(crate) fn reservations(&self) -> impl Iterator<Item = Reservation> {
        self.reserved.iter()
    }

    /// Whether `ranges` may be reserved: free, and apart from each other.
    pub(crate) fn may_reserve(&self, ranges: &[(u64, u64)]) -> bool {
        let mut sorted = ranges.to_vec();
        sorted.sort_unstable();
        let apart = sorted
            .windows(2)
            .all(|pair| matches!(pair, [(at, length), (next, _)] if at + length <= *next));
        let free = |&(offset, length): &(u64, u64)| self.free.around(offset, length).is_some();
        sorted.iter().all(free) && apart
    }

    /// Reserves ranges that [`Self::may_reserve`]. What was reserved before and is allocated by now is forgotten
    /// here, which keeps the reservations as few as the window.
    ///
    /// Only what was allocated since the last time is looked at: a window of a fragmented segment is many ranges.
    pub(crate) fn reserve(&mut self, ranges: &[(u64, u64)], seq: Seq) -> Change {
        let mut change = Change::default();
        for (offset, length) in std::mem::take(&mut self.placed) {
            while let Some(allocated) = self.reserved.meeting(offset, length) {
                self.reserved.remove(allocated);
                change.gone.push(allocated);
                for open in self.window.within(allocated) {
                    self.reserved.insert(open);
                    change.come.push(open);
                }
            }
        }
        for &(offset, length) in ranges {
            let range = Reservation {
                offset,
                length,
                seq,
            };
            self.free.take(offset, length);
            self.window.insert(range);
            self.reserved.insert(range);
            change.come.push(range);
        }
        change
    }

    /// Whether `offset..offset + length` lies in the window, or in `reserving`, which will be in it.
    pub(crate) fn may_place(&self, offset: u64, length: u64, reserving: &[(u64, u64)]) -> bool {
        let Some(end) = offset.checked_add(length) else {
            return false;
        };
        let mut at = offset;
        while at < end {
            let reserving = || {
                let holds = |&&(start, length): &&(u64, u64)| start <= at && at < start + length;
                reserving
                    .iter()
                    .find(holds)
                    .map(|(start, length)| start + length)
            };
            let holding = self
                .window
                .holding(at)
                .map(|range| range.offset + range.length);
            match holding.or_else(reserving) {
                Some(next) => at = next,
                None => return false,
            }
        }
        length > 0
    }

    /// Allocates a range that [`Self::may_place`].
    pub(crate) fn place(&mut self, offset: u64, length: u64) {
        self.window.take(offset, length);
        self.cursor = offset + length;
        match self.placed.last_mut() {
            Some((at, before)) if *at + *before == offset => *before += length,
            _ => self.placed.push((offset, length)),
        }
    }

    /// Whether nothing lies in a range, which is not reserved either.
    pub(crate) fn is_free(&self, offset: u64, length: u64) -> bool {
        self.free.around(offset, length).is_some()
    }

    /// A range that [`Self::is_free`] is allocated: an object is there already.
    pub(crate) fn claim(&mut self, offset: u64, length: u64) {
        self.free.take(offset, length);
    }

    /// What is free is held back. Returns that.
    pub(crate) fn hold_free(&mut self) -> Vec<(u64, u64)> {
        let free = std::mem::replace(&mut self.free, FreeRanges::from_sorted(&[]));
        self.held += free.bytes();
        free.to_sorted()
    }

    /// An allocated range is free.
    pub(crate) fn free(&mut self, offset: u64, length: u64) -> Change {
        self.free.give(offset, length);
        self.reserved.cut(offset, length)
    }

    /// An allocated range is held back.
    pub(crate) fn hold(&mut self, offset: u64, length: u64) -> Change {
        self.held += length;
        self.reserved.cut(offset, length)
    }

    /// A range held back is free.
    pub(crate) fn release(&mut self, offset: u64, length: u64) {
        self.held -= length;
        self.free.give(offset, length);
    }

    /// What was reserved at or before `through` and is not allocated is held back. Returns that.
    pub(crate) fn retire(&mut self, through: Seq) -> (Vec<Reservation>, Change) {
        let change = Change {
            gone: self.reserved.take_through(through),
            come: Vec::new(),
        };
        let retired = self.window.take_through(through);
        self.held += retired.iter().map(|range| range.length).sum::<u64>();
        (retired, change)
    }

    /// Whether something is reserved since before `through`, itself included.
    pub(crate) fn has_reserved_through(&self, through: Seq) -> bool {
        self.reserved.iter().any(|range| range.seq <= through)
    }

    /// Bytes of the segment.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that are allocated or held back.
    pub(crate) const fn used(&self) -> u64 {
        self.size - self.free.bytes() - self.window.bytes()
    }

    /// Bytes that are held back.
    pub(crate) const fn held(&self) -> u64 {
        self.held
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (Vec<(u64, u64)>, Vec<Reservation>, Vec<Reservation>) {
        (
            self.free.iter().collect(),
            self.window.iter().collect(),
            self.reserved.iter().collect(),
        )
    }
}

/// What lies between busy ranges that come by offset.
struct Gaps {
    size: u64,
    at: u64,
    free: Vec<(u64, u64)>,
}

impl Gaps {
    const fn new(size: u64) -> Self {
        Self {
            size,
            at: 0,
            free: Vec::new(),
        }
    }

    fn busy(&mut self, (offset, length): (u64, u64)) -> Result<()> {
        check_inside(self.size, offset, length)?;
        if offset < self.at {
            return Err(corrupt(format!("range {offset}+{length} overlaps another")));
        }
        self.until(offset);
        self.at = offset + length;
        Ok(())
    }

    fn until(&mut self, offset: u64) {
        if offset > self.at {
            self.free.push((self.at, offset - self.at));
        }
    }

    fn finish(mut self) -> Vec<(u64, u64)> {
        self.until(self.size);
        self.free
    }
}

fn check_inside(size: u64, offset: u64, length: u64) -> Result<()> {
    let end = offset.checked_add(length);
    if length > 0 && end.is_some_and(|end| end <= size) {
        return Ok(());
    }
    Err(corrupt(format!(
        "range {offset}+{length} is not in a segment of {size} bytes"
    )))
}
