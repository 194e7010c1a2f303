use std::collections::BTreeSet;

use proptest::prelude::*;
use standfast_core::Seq;

use super::{Change, Reservation, SegmentSpace};

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

/// What is in the log of a segment.
#[derive(Clone, Debug)]
enum Logged {
    Reserve(Vec<(u64, u64)>, Seq),
    Place(u64, u64),
    Free(u64, u64),
    Hold(u64, u64),
    Release(u64, u64),
    Retire(Seq),
}

impl Logged {
    fn apply(&self, space: &mut SegmentSpace) -> Change {
        match self {
            Self::Reserve(ranges, seq) => return space.reserve(ranges, *seq),
            Self::Place(offset, length) => space.place(*offset, *length),
            Self::Free(offset, length) => return space.free(*offset, *length),
            Self::Hold(offset, length) => return space.hold(*offset, *length),
            Self::Release(offset, length) => space.release(*offset, *length),
            Self::Retire(through) => return space.retire(*through).1,
        }
        Change::default()
    }
}

#[derive(Debug)]
struct Model {
    space: SegmentSpace,
    log: Vec<Logged>,
    /// Rows of reservations, as the changes say.
    rows: BTreeSet<Reservation>,
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
            log: Vec::new(),
            rows: BTreeSet::new(),
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

    /// Applies an operation, and notes it and what it changed.
    fn apply(&mut self, logged: Logged) {
        let change = logged.apply(&mut self.space);
        for row in &change.gone {
            assert!(self.rows.remove(row), "{row:?} goes but was not there");
        }
        for row in change.come {
            assert!(self.rows.insert(row), "{row:?} comes but was there");
        }
        self.log.push(logged);
    }

    fn reserve(&mut self, ranges: &[(u64, u64)]) {
        self.seq = self.seq.next();
        assert!(self.space.may_reserve(ranges));
        self.apply(Logged::Reserve(ranges.to_vec(), self.seq));
        for &(offset, length) in ranges {
            self.set(offset, length, |b| b == Byte::Free, Byte::Open(self.seq));
        }
    }

    fn place(&mut self, offset: u64, length: u64) {
        assert!(self.space.may_place(offset, length, &[]));
        self.apply(Logged::Place(offset, length));
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
                    self.apply(Logged::Free(offset, length));
                    Byte::Free
                } else {
                    self.apply(Logged::Hold(offset, length));
                    self.held.push((offset, length));
                    Byte::Held
                };
                self.set(offset, length, |b| b == Byte::Allocated, to);
            }
            Step::Release(n) if !self.held.is_empty() => {
                let (offset, length) = self.held.swap_remove(n % self.held.len());
                self.apply(Logged::Release(offset, length));
                self.set(offset, length, |b| b == Byte::Held, Byte::Free);
            }
            Step::Retire => {
                self.floor = self.seq;
                let (_, window, _) = self.space.parts();
                self.apply(Logged::Retire(self.seq));
                for range in window {
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
        let mut live = self.live.clone();
        live.sort_unstable();
        let live = live.into_iter();
        let restored = SegmentSpace::restore(SIZE, live, &self.held, &reserved).unwrap();
        assert_eq!(restored.used(), used);
        let held = bytes.iter().filter(|byte| **byte == Byte::Held).count() as u64;
        assert_eq!((self.space.held(), restored.held()), (held, held));
        assert_eq!(self.rows, reserved.iter().copied().collect());
        assert_eq!(restored.parts(), (free, window, reserved));
    }

    /// The same log gives the same bytes to the same owners, and the same answer to whoever asks next.
    fn check_replay(&self) {
        let mut replayed = SegmentSpace::new(SIZE);
        for logged in &self.log {
            logged.apply(&mut replayed);
        }
        assert_eq!(replayed.parts(), self.space.parts());
        let answers = |space: &SegmentSpace| -> Vec<_> {
            (1..=SIZE)
                .map(|length| {
                    let found = space.find(length, self.floor);
                    let fresh = space.find_fresh(length, self.floor, 16);
                    (found, fresh, space.top_up(length, self.floor))
                })
                .collect()
        };
        assert_eq!(answers(&replayed), answers(&self.space));
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
    fn no_byte_is_two_things_at_once_room_that_is_there_is_found_and_replay_gives_the_same(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
            model.check();
        }
        model.check_replay();
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
    let restore = |allocated: &[(u64, u64)], held: &[_], reserved: &[_]| {
        SegmentSpace::restore(100, allocated.iter().copied(), held, reserved)
    };
    assert!(restore(&[(0, 10), (9, 2)], &[], &[]).is_err());
    assert!(restore(&[(0, 10)], &[(9, 2)], &[]).is_err());
    assert!(restore(&[], &[(9, 2)], &[reservation]).is_err());
    assert!(restore(&[(99, 2)], &[], &[]).is_err());
    assert!(restore(&[(5, 10)], &[], &[reservation]).is_ok());
}
