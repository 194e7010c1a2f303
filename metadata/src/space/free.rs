use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;

/// Free ranges of a segment, neighbours always joined.
///
/// There may be millions of them. They are kept in runs, and the runs are found by offset and by their longest range:
/// these two indexes are small, so that a range costs little more than its 16 bytes, and to find it means to wait for
/// memory once or twice. (Two trees of all ranges, by offset and by length, took twice the memory and more than twice the
/// time.)
#[derive(Clone, Debug)]
pub(super) struct FreeRanges {
    /// Each begins with a range at its key or behind; one is at 0 and alone may be empty.
    runs: BTreeMap<u64, Run>,
    /// Longest range and key of each that is not empty.
    by_longest: BTreeSet<(u64, u64)>,
    bytes: u64,
}

impl FreeRanges {
    /// Built at once from ranges that are sorted, apart from each other, and not empty.
    pub(super) fn from_sorted(ranges: &[(u64, u64)]) -> Self {
        let mut free = Self {
            runs: BTreeMap::from([(0, Run::default())]),
            by_longest: BTreeSet::new(),
            bytes: ranges.iter().map(|(_, length)| length).sum(),
        };
        let mut key = 0;
        for run in Run::of_sorted(ranges) {
            if key > 0 {
                key = run.first().map_or(key, |(at, _)| at);
            }
            free.by_longest.insert((run.longest(), key));
            free.runs.insert(key, run);
            key = u64::MAX;
        }
        free
    }

    /// The ranges, by offset.
    pub(super) fn to_sorted(&self) -> Vec<(u64, u64)> {
        self.runs.values().flat_map(Run::iter).collect()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The free range that holds all of `offset..offset + length`.
    pub(super) fn around(&self, offset: u64, length: u64) -> Option<(u64, u64)> {
        let end = offset.checked_add(length)?;
        let (at, free) = self.before(offset.checked_add(1)?)?;
        (length > 0 && end <= at + free).then_some((at, free))
    }

    /// The free range that begins at `offset`.
    pub(super) fn beginning_at(&self, offset: u64) -> Option<u64> {
        let (_, run) = self.runs.range(..=offset).next_back()?;
        run.get(offset)
    }

    /// The free range that ends at `end`, as its offset.
    pub(super) fn ending_at(&self, end: u64) -> Option<u64> {
        let (at, free) = self.before(end)?;
        (at + free == end).then_some(at)
    }

    /// The last range that begins before `offset`: in the run that would hold `offset`, or at the end of the one before.
    fn before(&self, offset: u64) -> Option<(u64, u64)> {
        let mut runs = self.runs.range(..offset).rev().take(2);
        runs.find_map(|(_, run)| run.before(offset))
    }

    /// Takes a range out.
    ///
    /// # Panics
    /// When it is not free: callers have checked.
    pub(super) fn take(&mut self, offset: u64, length: u64) {
        let (at, free) = self.around(offset, length).expect("checked to be free");
        self.bytes -= length;
        if at < offset {
            self.set(at, offset - at);
        } else {
            self.remove(at);
        }
        let behind = at + free - offset - length;
        if behind > 0 {
            self.set(offset + length, behind);
        }
    }

    /// Gives a range back and joins it with its neighbours.
    pub(super) fn give(&mut self, offset: u64, length: u64) {
        self.bytes += length;
        let end = offset + length;
        let begin = self.ending_at(offset).unwrap_or(offset);
        let behind = self.remove(end).unwrap_or(0);
        self.set(begin, end + behind - begin);
    }

    fn set(&mut self, offset: u64, length: u64) {
        let holds_0 = "there is a run at 0";
        let (&key, run) = self.runs.range_mut(..=offset).next_back().expect(holds_0);
        let before = run.longest();
        let rest = run.set(offset, length);
        let after = run.longest();
        self.longest_changed(key, before, after);
        if let Some((rest, (at, _))) = rest.and_then(|rest| rest.first().map(|first| (rest, first)))
        {
            self.by_longest.insert((rest.longest(), at));
            self.runs.insert(at, rest);
        }
    }

    /// Takes out the range that begins at `offset`, if one does, and returns its length.
    fn remove(&mut self, offset: u64) -> Option<u64> {
        let (&key, run) = self.runs.range_mut(..=offset).next_back()?;
        let before = run.longest();
        let length = run.remove(offset)?;
        let after = run.longest();
        if run.is_empty() && key > 0 {
            self.runs.remove(&key);
        }
        self.longest_changed(key, before, after);
        Some(length)
    }

    fn longest_changed(&mut self, key: u64, before: u64, after: u64) {
        if before != after {
            self.by_longest.remove(&(before, key));
            if after > 0 {
                self.by_longest.insert((after, key));
            }
        }
    }

    /// A free range of at least `length` bytes, and of little more: the shortest such range of the run whose longest
    /// is the least that is long enough.
    pub(super) fn fit(&self, length: u64) -> Option<(u64, u64)> {
        let (_, key) = self.by_longest.range((length, 0)..).next()?;
        self.runs.get(key)?.best_fit(length)
    }

    /// The longest range.
    pub(super) fn longest(&self) -> Option<(u64, u64)> {
        let &(longest, key) = self.by_longest.last()?;
        self.runs.get(&key)?.best_fit(longest)
    }

    /// Up to `limit` of the longest ranges, the longest first. Some that are longer may be left out where there are
    /// thousands.
    pub(super) fn long(&self, limit: usize) -> Vec<(u64, u64)> {
        let mut ranges = Vec::new();
        for (_, key) in self.by_longest.iter().rev() {
            ranges.extend(self.runs.get(key).into_iter().flat_map(Run::iter));
            if ranges.len() >= 4 * limit {
                break;
            }
        }
        ranges.sort_unstable_by_key(|(offset, length)| (std::cmp::Reverse(*length), *offset));
        ranges.truncate(limit);
        ranges
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.values().flat_map(Run::iter)
    }
}
