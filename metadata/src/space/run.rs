/// A run holds at most so many ranges: few enough to be moved and looked through in no time, many enough that
/// an index of the runs stays in the processor's cache.
///
/// Tests use runs so short that they are cut and emptied all the time.
const LIMIT: usize = if cfg!(test) { 4 } else { 256 };
/// A run that is made, or cut off, holds so many.
const FILL: usize = LIMIT / 2;

/// Free ranges that follow each other: offset and length of each, by offset.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    ranges: Vec<(u64, u64)>,
    longest: u64,
}

impl Run {
    /// Runs of ranges that are sorted.
    pub(super) fn of_sorted(ranges: &[(u64, u64)]) -> impl Iterator<Item = Self> {
        ranges.chunks(FILL).map(|ranges| Self::of(ranges.to_vec()))
    }

    fn of(ranges: Vec<(u64, u64)>) -> Self {
        let mut run = Self { ranges, longest: 0 };
        run.longest = run.look_for_longest();
        run
    }

    pub(super) const fn longest(&self) -> u64 {
        self.longest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.iter().copied()
    }

    pub(super) fn first(&self) -> Option<(u64, u64)> {
        self.ranges.first().copied()
    }

    /// The last range that begins before `offset`.
    pub(super) fn before(&self, offset: u64) -> Option<(u64, u64)> {
        let behind = self.ranges.partition_point(|(at, _)| *at < offset);
        self.ranges.get(behind.checked_sub(1)?).copied()
    }

    /// Length of the range that begins at `offset`.
    pub(super) fn get(&self, offset: u64) -> Option<u64> {
        let at = self.find(offset).ok()?;
        self.ranges.get(at).map(|(_, length)| *length)
    }

    /// Sets the length of the range that begins at `offset`, which may be new. Returns what was cut off because
    /// the run grew too long: it follows this one.
    pub(super) fn set(&mut self, offset: u64, length: u64) -> Option<Self> {
        let old = match self.find(offset) {
            Ok(at) => {
                let range = self.ranges.get_mut(at);
                range.map_or(0, |(_, old)| std::mem::replace(old, length))
            }
            Err(at) => {
                self.ranges.insert(at, (offset, length));
                0
            }
        };
        if length >= self.longest {
            self.longest = length;
        } else if old == self.longest {
            self.longest = self.look_for_longest();
        }
        (self.ranges.len() > LIMIT).then(|| {
            let rest = Self::of(self.ranges.split_off(FILL));
            self.longest = self.look_for_longest();
            rest
        })
    }

    /// Takes out the range that begins at `offset`, and returns its length.
    pub(super) fn remove(&mut self, offset: u64) -> Option<u64> {
        let at = self.find(offset).ok()?;
        let (_, length) = self.ranges.remove(at);
        if length == self.longest {
            self.longest = self.look_for_longest();
        }
        Some(length)
    }

    /// The shortest range of at least `length` bytes.
    pub(super) fn best_fit(&self, length: u64) -> Option<(u64, u64)> {
        let fitting = self.iter().filter(|(_, free)| *free >= length);
        fitting.min_by_key(|(_, free)| *free)
    }

    fn find(&self, offset: u64) -> Result<usize, usize> {
        self.ranges.binary_search_by_key(&offset, |(at, _)| *at)
    }

    fn look_for_longest(&self) -> u64 {
        self.iter().map(|(_, length)| length).max().unwrap_or(0)
    }
}
