use proptest::prelude::*;
use standfast_core::Seq;

use super::{Reservation, SegmentSpace};

const SIZE: u64 = 200;

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap()
}

/// What the model says of each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Byte {
    Free,
    Open(Seq),
    Allocated,
    Held,
}

#[derive(Clone, Debug)]
enum Step {
    Allocate(u64),
    TopUp(u64),
    Free(usize),
    Hold(usize),
    Release(usize),
    Retire,
}

#[derive(Debug)]
struct Model {
    space: SegmentSpace,
    bytes: Vec<Byte>,
    live: Vec<(u64, u64)>,
    held: Vec<(u64, u64)>,
    seq: Seq,
    floor: Seq,
}

impl Model {
    fn new() -> Self {
        Self {
            space: SegmentSpace::new(SIZE),
            bytes: vec![Byte::Free; index(SIZE)],
            live: Vec::new(),
            held: Vec::new(),
            seq: Seq(1),
            floor: Seq::ZERO,
        }
    }

    fn set(&mut self, offset: u64, length: u64, from: impl Fn(Byte) -> bool, to: Byte) {
        for byte in &mut self.bytes[index(offset)..index(offset + length)] {
            assert!(from(*byte), "{byte:?} becomes {to:?}");
            *byte = to;
        }
    }

    fn reserve(&mut self, ranges: &[(u64, u64)]) {
        self.seq = self.seq.next();
        assert!(self.space.may_reserve(ranges));
        self.space.reserve(ranges, self.seq);
        for &(offset, length) in ranges {
            self.set(offset, length, |b| b == Byte::Free, Byte::Open(self.seq));
        }
    }

    fn place(&mut self, offset: u64, length: u64) {
        assert!(self.space.may_place(offset, length, &[]));
        self.space.place(offset, length);
        let floor = self.floor;
        let open = |b| matches!(b, Byte::Open(seq) if seq > floor);
        self.set(offset, length, open, Byte::Allocated);
        self.live.push((offset, length));
    }

    /// The longest run of bytes that may be allocated.
    fn room(&self) -> u64 {
        let usable = |b: &Byte| match b {
            Byte::Free => true,
            Byte::Open(seq) => *seq > self.floor,
            _ => false,
        };
        let runs = self.bytes.split(|b| !usable(b));
        runs.map(|run| run.len() as u64).max().unwrap_or(0)
    }

    fn allocate(&mut self, length: u64) {
        if let Some((offset, _)) = self.space.find(length, self.floor) {
            return self.place(offset, length);
        }
        match self.space.find_fresh(length, self.floor, 16) {
            Some(fresh) => {
                assert!(self.space.may_place(fresh.offset, length, &fresh.reserve));
                self.reserve(&fresh.reserve);
                self.place(fresh.offset, length);
            }
            None => assert!(self.room() < length, "there was room for {length}"),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Allocate(length) => self.allocate(length),
            Step::TopUp(target) => {
                let ranges = self.space.top_up(target, self.floor);
                self.reserve(&ranges);
            }
            Step::Free(n) | Step::Hold(n) if !self.live.is_empty() => {
                let (offset, length) = self.live.swap_remove(n % self.live.len());
                let to = if matches!(step, Step::Free(_)) {
                    self.space.free(offset, length);
                    Byte::Free
                } else {
                    self.space.hold(offset, length);
                    self.held.push((offset, length));
                    Byte::Held
                };
                self.set(offset, length, |b| b == Byte::Allocated, to);
            }
            Step::Release(n) if !self.held.is_empty() => {
                let (offset, length) = self.held.swap_remove(n % self.held.len());
                self.space.release(offset, length);
                self.set(offset, length, |b| b == Byte::Held, Byte::Free);
            }
            Step::Retire => {
                self.floor = self.seq;
                let (held, _) = self.space.retire(self.seq);
                for range in held {
                    let open = |b| matches!(b, Byte::Open(_));
                    self.set(range.offset, range.length, open, Byte::Held);
                    self.held.push((range.offset, range.length));
                }
            }
            Step::Free(_) | Step::Hold(_) | Step::Release(_) => {}
        }
    }

    fn check(&self) {
        let (free, window, reserved) = self.space.parts();
        let mut bytes = vec![None; index(SIZE)];
        let mut paint = |offset: u64, length: u64, with: Byte| {
            for byte in &mut bytes[index(offset)..index(offset + length)] {
                assert_eq!(*byte, None, "two things at one byte");
                *byte = Some(with);
            }
        };
        for &(offset, length) in &free {
            paint(offset, length, Byte::Free);
        }
        for range in &window {
            paint(range.offset, range.length, Byte::Open(range.seq));
        }
        for &(offset, length) in &self.live {
            paint(offset, length, Byte::Allocated);
        }
        for &(offset, length) in &self.held {
            paint(offset, length, Byte::Held);
        }
        let bytes: Vec<_> = bytes.into_iter().map(Option::unwrap).collect();
        assert_eq!(bytes, self.bytes);
        let used = |byte: &&Byte| matches!(byte, Byte::Allocated | Byte::Held);
        let used = bytes.iter().filter(used).count() as u64;
        assert_eq!(self.space.used(), used);
        let restored =
            SegmentSpace::restore(SIZE, self.live.clone(), &self.held, &reserved).unwrap();
        assert_eq!(restored.used(), used);
        assert_eq!(restored.parts(), (free, window, reserved));
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..40_u64).prop_map(Step::Allocate),
        1 => (1..60_u64).prop_map(Step::TopUp),
        3 => any::<usize>().prop_map(Step::Free),
        1 => any::<usize>().prop_map(Step::Hold),
        1 => any::<usize>().prop_map(Step::Release),
        1 => Just(Step::Retire),
    ]
}

proptest! {
    #[test]
    fn no_byte_is_two_things_at_once_and_room_that_is_there_is_found(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
            model.check();
        }
    }
}

#[test]
fn a_segment_is_filled_to_the_last_byte() {
    let mut model = Model::new();
    for _ in 0..20 {
        model.allocate(10);
    }
    model.check();
    assert_eq!(model.live.len(), 20);
    assert!(model.space.find_fresh(1, Seq::ZERO, 16).is_none());
}

#[test]
fn a_freed_range_is_not_allocated_again_before_it_was_reserved_again() {
    let mut space = SegmentSpace::new(100);
    space.reserve(&[(0, 50)], Seq(1));
    space.place(0, 10);
    space.free(0, 10);
    assert!(!space.may_place(0, 10, &[]));
    space.reserve(&[(0, 10)], Seq(2));
    assert!(space.may_place(0, 10, &[]));
}

#[test]
fn ranges_that_overlap_are_not_restored() {
    let reservation = Reservation {
        offset: 5,
        length: 10,
        seq: Seq(1),
    };
    assert!(SegmentSpace::restore(100, vec![(0, 10), (9, 2)], &[], &[]).is_err());
    assert!(SegmentSpace::restore(100, vec![(0, 10)], &[(9, 2)], &[]).is_err());
    assert!(SegmentSpace::restore(100, vec![], &[(9, 2)], &[reservation]).is_err());
    assert!(SegmentSpace::restore(100, vec![(99, 2)], &[], &[]).is_err());
    assert!(SegmentSpace::restore(100, vec![(5, 10)], &[], &[reservation]).is_ok());
}
