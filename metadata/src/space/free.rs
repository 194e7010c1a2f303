use std::collections::{BTreeMap, BTreeSet};

/// Free ranges of a segment, neighbours always joined: by offset, and by length for finding one that fits.
#[derive(Clone, Debug, Default)]
pub(super) struct FreeRanges {
    by_offset: BTreeMap<u64, u64>,
    by_length: BTreeSet<(u64, u64)>,
    bytes: u64,
}

impl FreeRanges {
    /// Built at once from ranges that are sorted, apart from each other, and not empty.
    pub(super) fn from_sorted(ranges: Vec<(u64, u64)>) -> Self {
        Self {
            by_length: ranges
                .iter()
                .map(|&(offset, length)| (length, offset))
                .collect(),
            bytes: ranges.iter().map(|(_, length)| length).sum(),
            by_offset: ranges.into_iter().collect(),
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The free range that holds all of `offset..offset + length`.
    pub(super) fn around(&self, offset: u64, length: u64) -> Option<(u64, u64)> {
        let end = offset.checked_add(length)?;
        let (&at, &free) = self.by_offset.range(..=offset).next_back()?;
        (length > 0 && end <= at + free).then_some((at, free))
    }

    /// The free range that begins at `offset`.
    pub(super) fn beginning_at(&self, offset: u64) -> Option<u64> {
        self.by_offset.get(&offset).copied()
    }

    /// The free range that ends at `end`, as its offset.
    pub(super) fn ending_at(&self, end: u64) -> Option<u64> {
        let (&at, &free) = self.by_offset.range(..end).next_back()?;
        (at + free == end).then_some(at)
    }

    /// Takes a range out.
    ///
    /// # Panics
    /// When it is not free: callers have checked.
    pub(super) fn take(&mut self, offset: u64, length: u64) {
        let (at, free) = self.around(offset, length).expect("checked to be free");
        self.by_offset.remove(&at);
        self.by_length.remove(&(free, at));
        self.bytes -= length;
        self.put(at, offset - at);
        self.put(offset + length, at + free - offset - length);
    }

    /// Gives a range back and joins it with its neighbours.
    pub(super) fn give(&mut self, mut offset: u64, mut length: u64) {
        self.bytes += length;
        if let Some(at) = self.ending_at(offset) {
            let before = offset - at;
            self.by_offset.remove(&at);
            self.by_length.remove(&(before, at));
            offset = at;
            length += before;
        }
        let after_at = offset + length;
        if let Some(after) = self.by_offset.remove(&after_at) {
            self.by_length.remove(&(after, after_at));
            length += after;
        }
        self.put(offset, length);
    }

    fn put(&mut self, offset: u64, length: u64) {
        if length > 0 {
            self.by_offset.insert(offset, length);
            self.by_length.insert((length, offset));
        }
    }

    /// The shortest free range of at least `length` bytes.
    pub(super) fn best_fit(&self, length: u64) -> Option<(u64, u64)> {
        let &(free, at) = self.by_length.range((length, 0)..).next()?;
        Some((at, free))
    }

    /// The ranges, the longest first.
    pub(super) fn longest_first(&self) -> impl Iterator<Item = (u64, u64)> {
        self.by_length
            .iter()
            .rev()
            .map(|&(length, offset)| (offset, length))
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.by_offset
            .iter()
            .map(|(&offset, &length)| (offset, length))
    }
}
