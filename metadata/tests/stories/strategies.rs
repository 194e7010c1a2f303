use std::collections::BTreeMap;

use standfast_metadata::{AllocationStrategy, Call, MetadataConfig, Placement, SegmentNumber};

use crate::support::{Caller, Primary, key, placed, segment};

const PUTS: u64 = 400;
const SIZE: u64 = 1000;

/// A primary with this strategy and two clients: the first lends segments 0 and 1, the second 2 and 3. Segment 3 has four
/// times the size of the others.
fn primary(allocation: AllocationStrategy) -> (Primary, Caller) {
    let mut primary = Primary::with(MetadataConfig {
        allocation,
        ..MetadataConfig::default()
    });
    let mut first = Caller::new(1);
    let mut second = Caller::new(2);
    for n in 0..4 {
        let lender = if n < 2 { &mut first } else { &mut second };
        let size = PUTS * SIZE * if n == 3 { 4 } else { 1 };
        let mounted = primary.mount(lender, &segment(n, size));
        mounted.outcome.expect("mounted");
    }
    (primary, first)
}

/// Bytes that the puts of the first client take in each segment.
fn spread(primary: &mut Primary, client: &mut Caller, placement: &Placement) -> BTreeMap<u32, u64> {
    let mut bytes = BTreeMap::new();
    for n in 0..PUTS {
        let call = Call::PutStart {
            objects: vec![(key(&n.to_string()), SIZE)],
            placement: placement.clone(),
        };
        let started = primary.one(client, call);
        for place in placed(&started.outcome).1 {
            let SegmentNumber(segment) = place.segment;
            *bytes.entry(segment).or_default() += SIZE;
        }
    }
    bytes
}

#[test]
fn at_random_every_segment_gets_its_share() {
    let (mut primary, mut client) = primary(AllocationStrategy::Random);
    let bytes = spread(&mut primary, &mut client, &Placement::default());
    let fair = PUTS * SIZE / 4;
    for segment in 0..4 {
        let got = bytes.get(&segment).copied().unwrap_or(0);
        assert!(got > fair / 2 && got < fair * 2, "{bytes:?}");
    }
}

#[test]
fn most_free_fills_the_largest_until_all_have_as_much_room() {
    let (mut primary, mut client) = primary(AllocationStrategy::MostFree);
    let bytes = spread(&mut primary, &mut client, &Placement::default());
    assert_eq!(bytes, BTreeMap::from([(3, PUTS * SIZE)]));

    let two = Placement {
        replicas: 2,
        ..Placement::default()
    };
    let (mut primary, mut client) = self::primary(AllocationStrategy::MostFree);
    let bytes = spread(&mut primary, &mut client, &two);
    assert_eq!(bytes[&3], PUTS * SIZE, "{bytes:?}");
    for small in 0..3 {
        assert!(bytes[&small].abs_diff(PUTS * SIZE / 3) <= SIZE, "{bytes:?}");
    }
}

#[test]
fn preferred_first_fills_the_segments_of_the_client_that_puts_and_then_others() {
    let (mut primary, mut client) = primary(AllocationStrategy::PreferredFirst);
    let bytes = spread(&mut primary, &mut client, &Placement::default());
    assert_eq!(
        bytes.keys().copied().collect::<Vec<_>>(),
        [0, 1],
        "{bytes:?}"
    );
    assert!(
        bytes.values().all(|own| *own > PUTS * SIZE / 4),
        "{bytes:?}"
    );

    let more = Placement {
        replicas: 3,
        ..Placement::default()
    };
    let (mut primary, mut client) = self::primary(AllocationStrategy::PreferredFirst);
    let bytes = spread(&mut primary, &mut client, &more);
    assert_eq!((bytes[&0], bytes[&1]), (PUTS * SIZE, PUTS * SIZE));
    assert_eq!(bytes[&2] + bytes[&3], PUTS * SIZE, "{bytes:?}");
}

#[test]
fn what_the_put_prefers_comes_first_whatever_the_strategy() {
    let preferring = Placement {
        preferred: vec!["node-2".to_owned()],
        ..Placement::default()
    };
    for strategy in [
        AllocationStrategy::Random,
        AllocationStrategy::MostFree,
        AllocationStrategy::PreferredFirst,
    ] {
        let (mut primary, mut client) = primary(strategy);
        let bytes = spread(&mut primary, &mut client, &preferring);
        assert_eq!(bytes, BTreeMap::from([(2, PUTS * SIZE)]), "{strategy:?}");
    }
}

#[test]
fn a_follower_with_another_strategy_has_the_same_state() {
    let (mut primary, mut client) = primary(AllocationStrategy::MostFree);
    spread(&mut primary, &mut client, &Placement::default());
    primary.seal();
    let digests = primary.digests();
    assert_eq!(primary.fail_over().digests(), digests);
}
