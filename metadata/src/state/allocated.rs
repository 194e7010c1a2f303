use std::collections::BTreeMap;

/// Ranges of one segment in no order, as rows name them: eight bytes each, because there may be millions and each counts
/// in the memory that a restore takes.
///
/// ```text
///   packed   offset, 48 bits · which of the lengths there are, 16 bits
///   wide     what does not go into that
/// ```
#[derive(Debug, Default)]
pub(super) struct Allocated {
    packed: Vec<u64>,
    lengths: Vec<u64>,
    numbers: BTreeMap<u64, u16>,
    wide: Vec<(u64, u64)>,
}

impl Allocated {
    pub(super) fn push(&mut self, offset: u64, length: u64) {
        match self.number_of(length) {
            Some(number) if offset < 1 << 48 => self.packed.push(offset << 16 | u64::from(number)),
            _ => self.wide.push((offset, length)),
        }
    }

    fn number_of(&mut self, length: u64) -> Option<u16> {
        if let Some(number) = self.numbers.get(&length) {
            return Some(*number);
        }
        let number = u16::try_from(self.lengths.len()).ok()?;
        self.lengths.push(length);
        self.numbers.insert(length, number);
        Some(number)
    }

    /// By offset from now on, if nothing is added.
    pub(super) fn sort(&mut self) {
        self.packed.sort_unstable();
        self.wide.sort_unstable();
    }

    /// Offset and length of each, in the order they have: packed ones, and wide ones.
    fn ranges(self) -> [Ranges; 2] {
        let lengths = self.lengths;
        let packed = self.packed.into_iter().map(move |packed| {
            let number = (packed & 0xffff) as usize;
            let length = lengths.get(number).copied();
            (packed >> 16, length.expect("every length has its number"))
        });
        [Box::new(packed), Box::new(self.wide.into_iter())]
    }
}

type Ranges = Box<dyn Iterator<Item = (u64, u64)>>;

/// Offset and length of all, by offset.
pub(super) fn sorted(all: Vec<Allocated>) -> impl Iterator<Item = (u64, u64)> {
    let ranges = all.into_iter().flat_map(|mut each| {
        each.sort();
        each.ranges()
    });
    let heads = ranges.filter_map(|mut rest| Some((rest.next()?, rest)));
    let mut heads: Vec<_> = heads.collect();
    std::iter::from_fn(move || {
        let ordered = heads.iter().enumerate();
        let (at, _) = ordered.min_by_key(|(_, (range, _))| *range)?;
        let (first, rest) = heads.get_mut(at)?;
        match rest.next() {
            Some(next) => Some(std::mem::replace(first, next)),
            None => Some(heads.swap_remove(at).0),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back_by_offset_whatever_they_are() {
        let mut ranges: Vec<_> = (0..70_000_u64).rev().map(|at| (at << 20, at + 1)).collect();
        ranges.extend([(1 << 48, 5), ((1 << 48) - 1, 6), (u64::MAX, 7)]);
        let mut lanes = [Allocated::default(), Allocated::default()];
        for (at, &(offset, length)) in ranges.iter().enumerate() {
            lanes[usize::from(at % 69_000 == 0)].push(offset, length);
        }
        assert!(lanes[0].wide.len() > 2, "more lengths than have a number");
        ranges.sort_unstable();
        assert!(sorted(lanes.into()).eq(ranges));
    }
}
