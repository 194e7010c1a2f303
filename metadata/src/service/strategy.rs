use std::cmp::Reverse;

use super::machine::MetadataService;
use crate::config::AllocationStrategy;
use crate::names::{ClientNumber, SegmentNumber};
use crate::state::Segment;

/// `most_free` compares so many segments: with more of them it looks at a part, at random, as a put is not to
/// take longer the more segments there are.
const COMPARED: usize = 64;

/// Which segments are tried before those at random. Only the primary asks; what comes of it is written into the
/// operation.
impl MetadataService {
    /// The segments that the strategy wants for a put of `writer`, the best first.
    pub(super) fn favoured(&mut self, writer: ClientNumber) -> Vec<SegmentNumber> {
        match self.config.allocation {
            AllocationStrategy::Random => Vec::new(),
            AllocationStrategy::MostFree => self.emptiest(),
            AllocationStrategy::PreferredFirst => self.lent_by(writer),
        }
    }

    fn emptiest(&mut self) -> Vec<SegmentNumber> {
        let first = self.soft.dice.below(self.tables.numbers().len());
        let (before, from) = self.tables.numbers().split_at(first);
        let compared = from.iter().chain(before).copied().take(COMPARED);
        let free = |number: &SegmentNumber| {
            let segment = self.tables.segments().get(number);
            segment.map_or(0, |Segment { space, .. }| space.size() - space.used())
        };
        let mut emptiest: Vec<_> = compared.map(|number| (free(&number), number)).collect();
        // Stable, so that chance decides between those that are equally free.
        emptiest.sort_by_key(|(free, _)| Reverse(*free));
        emptiest.into_iter().map(|(_, number)| number).collect()
    }

    fn lent_by(&mut self, owner: ClientNumber) -> Vec<SegmentNumber> {
        let segments = self.tables.segments().iter();
        let own = segments.filter(|(_, segment)| segment.owner == owner);
        let mut own: Vec<_> = own.map(|(number, _)| *number).collect();
        let first = self.soft.dice.below(own.len());
        own.rotate_left(first);
        own
    }
}
