use standfast_core::{Refusal, Seq};

use super::machine::MetadataService;
use crate::names::{ClientNumber, SegmentNumber};
use crate::op::Range;
use crate::request::{Place, Placement};
use crate::state::{Segment, SegmentStatus};
use crate::v1::ErrorCode;

/// What part of a segment is reserved ahead of its allocations.
const WINDOW: u64 = 100;

/// Where an object goes, and what must be reserved with it.
#[derive(Debug, Default)]
pub(super) struct Allocation {
    pub(super) places: Vec<Place>,
    pub(super) reserve: Vec<Range>,
    /// The newest reservation it lies in.
    pub(super) reserved: Seq,
    /// It lies, in part, in what is reserved only now.
    pub(super) fresh: bool,
}

impl MetadataService {
    /// How many bytes of a segment of `size` are to be reserved ahead.
    pub(super) fn window(&self, size: u64) -> u64 {
        (size / WINDOW).max(self.soft.largest).min(size)
    }

    /// Finds room for the replicas of an object, on as many segments: those that the put prefers, then those that the
    /// strategy does, then others at random.
    pub(super) fn allocate(
        &mut self,
        writer: ClientNumber,
        size: u64,
        placement: &Placement,
    ) -> Result<Allocation, Refusal> {
        let mut allocation = Allocation::default();
        let wanted = placement.replicas as usize;
        if !placement.preferred.is_empty() {
            for number in self.named(&placement.preferred) {
                self.try_segment(number, size, wanted, &mut allocation);
            }
        }
        for number in self.favoured(writer) {
            self.try_segment(number, size, wanted, &mut allocation);
        }
        let mounted = self.tables.numbers().len();
        let first = self.soft.dice.below(mounted);
        for index in first..first + mounted {
            if allocation.places.len() == wanted {
                break;
            }
            if let Some(&number) = self.tables.numbers().get(index % mounted) {
                self.try_segment(number, size, wanted, &mut allocation);
            }
        }
        if allocation.places.len() == wanted {
            self.soft.largest = self.soft.largest.max(size);
            return Ok(allocation);
        }
        Err(ErrorCode::NoAvailableHandle.refuse(format!(
            "{} of {mounted} mounted segments have room for {size} bytes, {wanted} are wanted",
            allocation.places.len()
        )))
    }

    /// The segments with these names, in the order of the names.
    fn named(&self, names: &[String]) -> Vec<SegmentNumber> {
        let segments = self.tables.segments();
        let mut numbers = Vec::new();
        for name in names {
            let named = segments.iter().filter(|(_, s)| s.info.name == *name);
            numbers.extend(named.map(|(number, _)| *number));
        }
        numbers
    }

    pub(super) fn try_segment(
        &self,
        number: SegmentNumber,
        size: u64,
        wanted: usize,
        allocation: &mut Allocation,
    ) {
        let taken = |place: &Place| place.segment == number;
        if allocation.places.len() == wanted || allocation.places.iter().any(taken) {
            return;
        }
        let floor = self.soft.floor;
        let open = |segment: &&Segment| segment.status == SegmentStatus::Mounted;
        let Some(segment) = self.tables.segments().get(&number).filter(open) else {
            return;
        };
        let space = &segment.space;
        let target = self.window(space.size());
        let place = |offset| Place {
            segment: number,
            offset,
        };
        let reserve = if let Some((offset, seq)) = space.find(size, floor) {
            allocation.places.push(place(offset));
            allocation.reserved = allocation.reserved.max(seq);
            space.top_up(target, floor)
        } else if let Some(fresh) = space.find_fresh(size, floor, target) {
            allocation.places.push(place(fresh.offset));
            allocation.reserved = allocation.reserved.max(fresh.seq);
            allocation.fresh = true;
            fresh.reserve
        } else {
            return;
        };
        let range = |(offset, length)| Range {
            segment: number,
            offset,
            length,
        };
        allocation.reserve.extend(reserve.into_iter().map(range));
    }
}
