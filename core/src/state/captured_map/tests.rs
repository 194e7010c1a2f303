use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn bucket(key: u8) -> Bucket {
    Bucket::at(usize::from(key % 7))
}

fn read_all(map: &mut CapturedMap<u8, u32>) -> BTreeMap<u8, u32> {
    let mut rows = BTreeMap::new();
    for bucket in Bucket::all() {
        map.read(bucket, |key, value| {
            assert_eq!(rows.insert(*key, *value), None);
        });
    }
    rows
}

#[test]
fn soft_changes_leave_no_image() {
    let mut map = CapturedMap::new();
    map.insert(bucket(1), 1, 10);
    map.capture();
    *map.get_soft(bucket(1), &1).unwrap() = 11;
    assert_eq!(map.images(), 0);
    *map.get_mut(bucket(1), &1).unwrap() = 12;
    assert_eq!(map.images(), 1);
}

#[test]
fn threads_that_fill_a_map_see_what_is_there_and_the_rows_are_counted() {
    let mut map = CapturedMap::new();
    map.insert(bucket(1), 1, 10);
    map.capture();
    map.fill(|buckets| {
        std::thread::scope(|scope| {
            for mut each in buckets.into_iter().take(7) {
                scope.spawn(move || {
                    let own = each.bucket();
                    for key in (1..50).filter(|key| bucket(*key) == own) {
                        let there = each.contains(&key);
                        assert_eq!(each.insert(key, 1), there.then_some(10));
                    }
                });
            }
        });
    });
    assert_eq!(map.len(), 49);
    assert_eq!(read_all(&mut map), (1..50).map(|key| (key, 1)).collect());
    assert_eq!(map.changed(), None);
}

/// What changed, applied to a copy of the base.
fn catch_up(map: &mut CapturedMap<u8, u32>, base: &mut BTreeMap<u8, u32>) {
    for bucket in Bucket::all() {
        map.read_changes(bucket, |key, value| {
            match value {
                Some(value) => base.insert(*key, *value),
                None => base.remove(key),
            };
        });
    }
}

#[test]
fn without_a_base_nobody_knows_what_changed() {
    let mut map = CapturedMap::new();
    map.insert(bucket(1), 1, 10);
    map.capture();
    assert_eq!(map.changed(), None);
    map.read_changes(bucket(1), |_, _| panic!("nothing is known"));
    map.rebase();
    map.insert(bucket(2), 2, 20);
    map.capture();
    assert_eq!(map.changed(), Some(1));
}

#[test]
fn when_much_has_changed_it_is_forgotten_what_until_the_next_base() {
    let mut map = CapturedMap::new();
    let at = |key: u16| Bucket::at(usize::from(key));
    let put = |map: &mut CapturedMap<u16, u32>, keys: std::ops::Range<u16>| {
        for key in keys {
            map.insert(at(key), key, 1);
        }
    };
    put(&mut map, 0..10_000);
    map.capture();
    map.rebase();
    put(&mut map, 0..3_000);
    map.capture();
    assert_eq!(map.changed(), Some(3_000));
    put(&mut map, 0..3_000);
    map.capture();
    assert_eq!(map.changed(), Some(3_000), "the same again");
    put(&mut map, 3_000..3_001);
    map.capture();
    assert_eq!(map.changed(), None);
    map.rebase();
    put(&mut map, 5..6);
    map.capture();
    assert_eq!(map.changed(), Some(1));
}

proptest! {
    /// Captures that became the base and others that did not: what changed is always from the last base.
    #[test]
    fn the_base_and_what_changed_are_the_capture(
        rounds in prop::collection::vec((
            prop::collection::vec((any::<u8>(), prop::option::of(any::<u32>())), 0..40),
            prop::collection::vec((any::<u8>(), prop::option::of(any::<u32>())), 0..40),
            any::<bool>(),
        ), 1..6),
    ) {
        let mut map = CapturedMap::new();
        let change = |map: &mut CapturedMap<u8, u32>, key: u8, value: Option<u32>| match value {
            Some(value) => map.insert(bucket(key), key, value),
            None => map.remove(bucket(key), &key),
        };
        map.insert(bucket(7), 7, 7);
        map.capture();
        map.rebase();
        let mut base = read_all(&mut map);
        map.end_capture();
        for (before, during, becomes_base) in rounds {
            for (key, value) in before {
                change(&mut map, key, value);
            }
            let expected = read_all(&mut map);
            map.capture();
            for (key, value) in during {
                change(&mut map, key, value);
            }
            let mut caught_up = base.clone();
            catch_up(&mut map, &mut caught_up);
            prop_assert_eq!(&caught_up, &expected);
            map.end_capture();
            if becomes_base {
                map.rebase();
                base = expected;
            }
        }
    }


    /// Whatever is changed between the reads of a few rows, the capture gives the instant it was stamped, each row once.
    #[test]
    fn a_capture_is_of_the_instant_it_was_stamped(
        before in prop::collection::vec((any::<u8>(), any::<u32>()), 0..60),
        during in prop::collection::vec(
            (any::<u8>(), prop::option::of(any::<u32>()), 0_usize..7, 0_usize..4),
            0..250,
        ),
    ) {
        let mut map = CapturedMap::new();
        for (key, value) in before {
            map.insert(bucket(key), key, value);
        }
        let expected = read_all(&mut map);
        map.capture();
        let mut rows = BTreeMap::new();
        let mut unread = [true; 7];
        for (key, change, next, most) in during {
            match change {
                Some(value) if value % 2 == 0 => drop(map.insert(bucket(key), key, value)),
                Some(value) => {
                    if let Some(slot) = map.get_mut(bucket(key), &key) {
                        *slot = value;
                    }
                }
                None => drop(map.remove(bucket(key), &key)),
            }
            if unread[next] {
                let mut given = 0;
                unread[next] = map.read_some(Bucket::at(next), most, |key, value| {
                    assert_eq!(rows.insert(*key, *value), None, "key {key} again");
                    given += 1;
                });
                prop_assert!(given <= most);
            }
        }
        for bucket in Bucket::all() {
            map.read(bucket, |key, value| {
                assert_eq!(rows.insert(*key, *value), None, "key {key} again");
            });
        }
        prop_assert_eq!(rows, expected);
        map.end_capture();
        prop_assert_eq!(map.images(), 0);
        prop_assert_eq!(map.len(), read_all(&mut map).len());
    }
}
