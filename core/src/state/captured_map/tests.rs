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

proptest! {
    /// Whatever is changed between the reads of two buckets, the capture gives the instant it was stamped.
    #[test]
    fn a_capture_is_of_the_instant_it_was_stamped(
        before in prop::collection::vec((any::<u8>(), any::<u32>()), 0..60),
        during in prop::collection::vec((any::<u8>(), prop::option::of(any::<u32>()), 0_usize..7), 0..120),
    ) {
        let mut map = CapturedMap::new();
        for (key, value) in before {
            map.insert(bucket(key), key, value);
        }
        let expected = read_all(&mut map);
        map.capture();
        let mut rows = BTreeMap::new();
        let mut read = [false; 7];
        for (key, change, next) in during {
            match change {
                Some(value) if value % 2 == 0 => drop(map.insert(bucket(key), key, value)),
                Some(value) => {
                    if let Some(slot) = map.get_mut(bucket(key), &key) {
                        *slot = value;
                    }
                }
                None => drop(map.remove(bucket(key), &key)),
            }
            if !read[next] {
                read[next] = true;
                map.read(Bucket::at(next), |key, value| {
                    rows.insert(*key, *value);
                });
            }
        }
        for (at, _) in read.iter().enumerate().filter(|(_, read)| !**read) {
            map.read(Bucket::at(at), |key, value| {
                    rows.insert(*key, *value);
                });
        }
        prop_assert_eq!(rows, expected);
        map.end_capture();
        prop_assert_eq!(map.images(), 0);
        prop_assert_eq!(map.len(), read_all(&mut map).len());
    }
}
