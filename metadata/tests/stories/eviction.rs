use std::collections::BTreeSet;

use standfast_metadata::{Answer, Call, Cursor, ErrorCode, ListObjects, Placement, Question};

use crate::support::{Caller, Primary, exists, key, placed, refused, segment};

/// Bytes of each object of these stories, and how many of them the segment holds.
const SIZE: u64 = 1000;
const ROOM: usize = 100;

struct World {
    primary: Primary,
    caller: Caller,
}

impl World {
    /// With a segment, and past the time in which all counts as leased.
    fn new() -> Self {
        let mut primary = Primary::new();
        let mut caller = Caller::new(1);
        primary.mount(&mut caller, &segment(1, SIZE * ROOM as u64));
        let mut world = Self { primary, caller };
        world.pass(11);
        world
    }

    fn pass(&mut self, seconds: u64) {
        self.primary.pass(seconds * 1000);
        assert!(self.primary.ping(&self.caller), "the lender stays");
    }

    fn put(&mut self, name: &str, placement: Placement) {
        let objects = vec![(key(name), SIZE)];
        let start = Call::PutStart { objects, placement };
        placed(&self.primary.one(&mut self.caller, start).outcome);
        let ended = self.primary.end(&mut self.caller, name);
        ended.outcome.expect("ended");
    }

    /// Puts `k{from}` to `k{to - 1}`, a second apart.
    fn fill(&mut self, numbers: std::ops::Range<usize>, placement: &Placement) {
        for n in numbers {
            self.put(&format!("k{n}"), placement.clone());
            self.pass(1);
        }
    }

    /// How many objects of `k0` to `k{ROOM - 1}` are left, and the first of them.
    fn left(&mut self) -> (usize, usize) {
        let left: Vec<_> = (0..ROOM).filter(self.there()).collect();
        (left.len(), left.first().copied().unwrap_or(ROOM))
    }

    /// Which of `k0` to `k{ROOM - 1}` are there; leases none of them.
    fn there(&mut self) -> impl Fn(&usize) -> bool + use<> {
        let listing = ListObjects {
            prefix: key(""),
            from: Cursor::default(),
            limit: 10 * ROOM,
        };
        let Answer::Objects(page) = self.primary.ask(&Question::ListObjects(listing)).0 else {
            panic!("an answer to another question");
        };
        let keys: BTreeSet<_> = page.objects.into_iter().map(|row| row.key).collect();
        move |n| keys.contains(format!("k{n}").as_bytes())
    }
}

fn hard() -> Placement {
    Placement {
        hard_pin: true,
        ..Placement::default()
    }
}

fn soft(soft_pin_ms: u64) -> Placement {
    Placement {
        soft_pin_ms,
        ..Placement::default()
    }
}

#[test]
fn up_to_the_watermark_nothing_is_evicted() {
    let mut world = World::new();
    world.fill(0..90, &Placement::default());
    world.primary.settle();
    assert_eq!(world.left(), (90, 0));
}

#[test]
fn above_the_watermark_a_twentieth_is_freed_below_it_and_the_least_leased_go_first() {
    let mut world = World::new();
    world.fill(0..92, &Placement::default());
    assert!(exists(&mut world.primary, "k0"));
    world.pass(11);
    world.primary.settle();
    // 92 of 100, and 85 are wanted: the oldest seven but the one that was read.
    assert_eq!(world.left(), (85, 0));
    for n in 1..=7 {
        assert!(!exists(&mut world.primary, &format!("k{n}")), "k{n}");
    }
    assert!(exists(&mut world.primary, "k8"));
}

#[test]
fn what_is_leased_or_of_a_leased_group_or_being_written_is_not_evicted() {
    let mut world = World::new();
    let grouped = Placement {
        group: "g".to_owned(),
        ..Placement::default()
    };
    world.fill(0..10, &grouped);
    world.fill(10..85, &Placement::default());
    for n in 85..100 {
        placed(
            &world
                .primary
                .start(&mut world.caller, &format!("k{n}"), SIZE)
                .outcome,
        );
    }
    for n in [3, 10, 11] {
        assert!(exists(&mut world.primary, &format!("k{n}")));
    }
    world.primary.settle();
    assert_eq!(world.left(), (85, 0));
    assert!((0..12).all(|n| exists(&mut world.primary, &format!("k{n}"))));
    assert!((12..27).all(|n| !exists(&mut world.primary, &format!("k{n}"))));
}

#[test]
fn a_hard_pin_is_for_ever_and_a_soft_pin_until_nothing_else_is_left() {
    let mut world = World::new();
    world.fill(0..40, &hard());
    world.fill(40..80, &soft(3_600_000));
    world.fill(80..96, &Placement::default());
    world.primary.settle();
    // 96, and 85 are wanted: eleven of those without a pin.
    assert_eq!(world.left(), (85, 0));
    assert!(!exists(&mut world.primary, "k90"));
    assert!((40..80).all(|n| exists(&mut world.primary, &format!("k{n}"))));
    world.pass(11);
    // 91, and 85 are wanted: five are left without a pin, and one soft pin must go.
    world.fill(80..86, &hard());
    world.primary.settle();
    let there = world.there();
    assert!((0..40).chain(80..86).all(|n| there(&n)));
    assert!((91..96).all(|n| !there(&n)));
    assert_eq!((40..80).filter(&there).count(), 39);
}

#[test]
fn a_soft_pin_ends_when_it_was_not_read_for_its_time() {
    let mut world = World::new();
    world.put("k0", soft(200_000));
    world.put("k1", soft(200_000));
    world.fill(2..96, &Placement::default());
    assert!(exists(&mut world.primary, "k1"));
    world.pass(110);
    world.primary.settle();
    assert_eq!(
        world.left(),
        (85, 1),
        "206 s after its put, 110 s after its read"
    );
}

#[test]
fn a_put_that_finds_no_room_asks_for_an_eviction() {
    let mut world = World::new();
    world.fill(0..90, &Placement::default());
    let large = |world: &mut World| world.primary.start(&mut world.caller, "large", 11 * SIZE);
    // The ten that are free lie apart from the five that each eviction frees.
    for evicted in [5, 10, 15] {
        let full = large(&mut world);
        assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
        world.primary.settle();
        assert_eq!(world.left(), (90 - evicted, evicted));
    }
    placed(&large(&mut world).outcome);
}

#[test]
fn memory_that_is_held_back_makes_no_object_go() {
    let mut world = World::new();
    for n in 40..95 {
        let name = format!("k{n}");
        let start = world.primary.start(&mut world.caller, &name, SIZE);
        placed(&start.outcome);
        let revoke = world.primary.revoke(&mut world.caller, &name);
        revoke.outcome.expect("given up");
    }
    world.fill(0..40, &Placement::default());
    world.primary.settle();
    assert_eq!(world.left(), (40, 0), "40 of 100, and 55 held back");
    let full = world.primary.start(&mut world.caller, "large", 6 * SIZE);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    world.primary.settle();
    assert_eq!(world.left(), (37, 3), "a twentieth of the other 45");
}

#[test]
fn a_put_for_which_there_is_no_room_at_all_evicts_nothing() {
    let mut world = World::new();
    world.fill(0..90, &Placement::default());
    let too_large = world
        .primary
        .start(&mut world.caller, "x", SIZE * ROOM as u64 + 1);
    assert_eq!(refused(&too_large.outcome), ErrorCode::NoAvailableHandle);
    let too_many = Call::PutStart {
        objects: vec![(key("x"), SIZE)],
        placement: Placement {
            replicas: 2,
            ..Placement::default()
        },
    };
    let too_many = world.primary.one(&mut world.caller, too_many);
    assert_eq!(refused(&too_many.outcome), ErrorCode::NoAvailableHandle);
    world.primary.settle();
    assert_eq!(world.left(), (90, 0));
}

#[test]
fn after_a_promotion_nothing_is_evicted_for_one_lease_and_soft_pins_begin_anew() {
    let mut world = World::new();
    world.put("k0", soft(100_000));
    world.fill(1..96, &Placement::default());
    world.pass(100);
    world.primary.seal();
    world.primary.change_leader();
    world.primary.settle();
    assert_eq!(world.left(), (96, 0));
    world.pass(10);
    world.primary.settle();
    assert_eq!(world.left(), (85, 0), "the pin holds, the others went");
}

#[test]
fn where_all_is_leased_nothing_is_evicted_until_a_lease_ends() {
    let mut world = World::new();
    world.fill(0..96, &Placement::default());
    for n in 0..96 {
        assert!(exists(&mut world.primary, &format!("k{n}")));
    }
    world.primary.settle();
    assert_eq!(world.left().0, 96);
    world.pass(11);
    world.primary.settle();
    assert_eq!(world.left().0, 85);
}

#[test]
fn an_eviction_of_many_takes_several_rounds_and_frees_what_it_should() {
    let mut primary = Primary::new();
    let mut caller = Caller::new(1);
    let total = 100_000_u64;
    primary.mount(&mut caller, &segment(1, total * 100));
    for first in (0..92_000).step_by(1000) {
        let names: Vec<_> = (first..first + 1000).map(|n| key(&n.to_string())).collect();
        let start = Call::PutStart {
            objects: names.iter().map(|name| (name.clone(), 100)).collect(),
            placement: Placement::default(),
        };
        primary.call(&mut caller, start);
        let ends = names.into_iter().map(|name| (name, None)).collect();
        primary.call(&mut caller, Call::PutEnd(ends));
        primary.pass(100);
    }
    primary.pass(2000);
    primary.ping(&caller);
    let before = primary.rows();
    let first_round = primary.upkeep();
    assert!(first_round > 0);
    let after_one = before - primary.rows();
    primary.settle();
    let evicted = before - primary.rows();
    assert!((500..1000).contains(&after_one), "{after_one}");
    assert!((7000..7010).contains(&evicted), "{evicted}");
    // Put in this order, so the last tenth is far from being the oldest.
    assert!((83_000..92_000).all(|n| exists(&mut primary, &n.to_string())));
}
