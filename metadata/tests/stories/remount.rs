use standfast_core::Command;
use standfast_metadata::{
    Answer, Call, Claim, ErrorCode, Placement, Question, ReMount, ReMounted, SegmentId,
    SegmentInfo, Traits,
};

use crate::support::{Answered, Caller, Primary, exists, key, located, placed, refused, segment};

fn claim(name: &str, offset: u64) -> Claim {
    Claim {
        target: key(name),
        offset,
        size: 100,
        checksum: Some(7),
        traits: Traits::default(),
    }
}

fn remount(claims: &[Claim]) -> ReMount {
    ReMount {
        segment: segment(1, 1000),
        claims: claims.to_vec(),
        first: true,
        last: true,
    }
}

fn told(answered: &Answered) -> (u64, u64) {
    let reply = answered.outcome.as_ref().expect("mounted");
    let told = ReMounted::of_reply(reply).expect("counts");
    (told.restored, told.superseded)
}

/// Puts an object with the checksum of [`claim`] into the segment that is preferred.
pub(crate) fn put(primary: &mut Primary, client: &mut Caller, name: &str, replicas: u32) {
    let start = Call::PutStart {
        objects: vec![(key(name), 100)],
        placement: Placement {
            replicas,
            preferred: vec!["node-1".to_owned()],
            ..Placement::default()
        },
    };
    placed(&primary.one(client, start).outcome);
    let end = Call::PutEnd(vec![(key(name), Some(7))]);
    primary.one(client, end).outcome.expect("ended");
}

/// A primary that has expired client 1 and its segment with `a` at 0 and `b` at 100; client 2 lives.
pub(crate) fn forgotten() -> (Primary, Caller, Caller) {
    let mut primary = Primary::new();
    let (mut owner, mut other) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut owner, &segment(1, 1000));
    put(&mut primary, &mut owner, "a", 1);
    put(&mut primary, &mut owner, "b", 1);
    primary.mount(&mut other, &segment(2, 1000));
    for _ in 0..12 {
        primary.pass(1000);
        primary.ping(&other);
        primary.settle();
    }
    assert!(!exists(&mut primary, "a"));
    (primary, owner, other)
}

#[test]
fn objects_that_lie_in_a_forgotten_segment_are_there_again() {
    let (mut primary, mut owner, _) = forgotten();
    let pinned = Claim {
        traits: Traits {
            hard_pin: true,
            group: "g".to_owned(),
            soft_pin_ms: 0,
        },
        ..claim("b", 100)
    };
    let call = Call::ReMount(remount(&[claim("a", 0), pinned]));
    assert_eq!(told(&primary.one(&mut owner, call)), (2, 0));
    let read = located(&mut primary, "a").unwrap();
    assert_eq!(read, (100, Some(7), vec![(SegmentId(1), 0)]));
    assert!(primary.ping(&owner));
    primary.seal();
    let mut primary = primary.fail_over();
    assert_eq!(located(&mut primary, "b").unwrap().2, [(SegmentId(1), 100)]);
    assert!(exists(&mut primary, "a"));
}

#[test]
fn what_is_not_named_is_held_back_until_earlier_writers_are_done() {
    let (mut primary, mut owner, mut other) = forgotten();
    let unmount = Call::Unmount(vec![SegmentId(2)]);
    primary.one(&mut other, unmount).outcome.expect("unmounted");
    let pinned = Claim {
        traits: Traits {
            hard_pin: true,
            ..Traits::default()
        },
        ..claim("a", 0)
    };
    let call = Call::ReMount(remount(&[pinned]));
    assert_eq!(told(&primary.one(&mut owner, call)), (1, 0));
    let full = primary.start(&mut owner, "c", 100);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    for _ in 0..61 {
        primary.pass(10_000);
        primary.ping(&owner);
        primary.settle();
    }
    let at = placed(&primary.start(&mut owner, "c", 900).outcome).1[0];
    assert_eq!(at.offset, 100, "behind `a`");
}

#[test]
fn what_came_back_is_not_evicted_for_the_memory_held_back_beside_it() {
    let (mut primary, mut owner, mut other) = forgotten();
    let unmount = Call::Unmount(vec![SegmentId(2)]);
    primary.one(&mut other, unmount).outcome.expect("unmounted");
    let call = Call::ReMount(remount(&[claim("a", 0)]));
    assert_eq!(told(&primary.one(&mut owner, call)), (1, 0));
    for _ in 0..30 {
        primary.pass(1000);
        primary.ping(&owner);
        primary.settle();
    }
    assert!(exists(&mut primary, "a"), "a tenth of the segment");
}

#[test]
fn an_object_that_came_back_counts_as_leased() {
    let (mut primary, mut owner, _) = forgotten();
    let call = Call::ReMount(remount(&[claim("a", 0)]));
    assert_eq!(told(&primary.one(&mut owner, call)), (1, 0));
    let remove = primary.remove(&mut owner, "a", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
}

#[test]
fn saying_it_again_changes_nothing() {
    let (mut primary, mut owner, _) = forgotten();
    let call = Call::ReMount(remount(&[claim("a", 0), claim("b", 100)]));
    assert_eq!(told(&primary.one(&mut owner, call.clone())), (2, 0));
    let applied = primary.machine.applied();
    assert_eq!(told(&primary.one(&mut owner, call.clone())), (2, 0));
    let same = Command::new(owner.header(), 1, call.clone());
    assert_eq!(told(&primary.propose(&same)[0]), (2, 0));
    primary.remove(&mut owner, "a", true).outcome.expect("gone");
    assert_eq!(told(&primary.one(&mut owner, call)), (1, 1));
    assert!(!exists(&mut primary, "a"), "it was removed");
    assert_eq!(primary.machine.applied().0, applied.0 + 1);
}

#[test]
fn an_object_whose_key_was_put_again_meanwhile_stays_as_it_was_put() {
    let (mut primary, mut owner, mut other) = forgotten();
    primary.put(&mut other, "a", 100);
    let call = Call::ReMount(remount(&[claim("a", 0), claim("b", 100)]));
    assert_eq!(told(&primary.one(&mut owner, call)), (1, 1));
    assert_eq!(located(&mut primary, "a").unwrap().2[0].0, SegmentId(2));
    assert!(exists(&mut primary, "b"));
}

#[test]
fn the_same_object_elsewhere_has_its_replica_again() {
    let mut primary = Primary::new();
    let (mut owner, mut other) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut owner, &segment(1, 1000));
    primary.mount(&mut other, &segment(2, 1000));
    put(&mut primary, &mut other, "a", 2);
    for _ in 0..12 {
        primary.pass(1000);
        primary.ping(&other);
        primary.settle();
    }
    assert_eq!(located(&mut primary, "a").unwrap().2.len(), 1);
    let another = Claim {
        checksum: Some(8),
        ..claim("a", 0)
    };
    for (claim, replicas) in [(another, 1), (claim("a", 0), 2)] {
        let call = Call::ReMount(ReMount {
            last: replicas == 2,
            ..remount(&[claim])
        });
        told(&primary.one(&mut owner, call));
        assert_eq!(located(&mut primary, "a").unwrap().2.len(), replicas);
    }
    primary.remove(&mut owner, "a", true).outcome.expect("gone");
}

#[test]
fn input_that_cannot_be_is_refused_as_a_whole() {
    let (mut primary, mut owner, _) = forgotten();
    let applied = primary.machine.applied();
    let cases = [
        (vec![claim("a", 0), claim("b", 99)], "overlaps"),
        (vec![claim("a", 901)], "1000 bytes"),
        (vec![claim("a", u64::MAX)], "1000 bytes"),
        (vec![claim("a", 0), claim("a", 100)], "twice"),
        (vec![claim("", 0)], "empty key"),
        (
            vec![Claim {
                size: 0,
                ..claim("a", 0)
            }],
            "0 bytes",
        ),
    ];
    for (claims, reason) in cases {
        let call = Call::ReMount(remount(&claims));
        let refusal = primary.one(&mut owner, call).outcome.unwrap_err();
        assert_eq!(ErrorCode::of(&refusal), ErrorCode::InvalidParams);
        assert!(refusal.message.contains(reason), "{}", refusal.message);
    }
    assert_eq!(primary.machine.applied(), applied);
    assert!(!primary.ping(&owner));
}

#[test]
fn much_is_said_in_parts_and_until_the_last_nothing_is_allocated() {
    let (mut primary, mut owner, mut other) = forgotten();
    let unmount = Call::Unmount(vec![SegmentId(2)]);
    primary.one(&mut other, unmount).outcome.expect("unmounted");
    let part = |name, offset, first, last| {
        Call::ReMount(ReMount {
            first,
            last,
            ..remount(&[claim(name, offset)])
        })
    };
    let behind = primary.one(&mut owner, part("b", 100, false, true));
    assert_eq!(refused(&behind.outcome), ErrorCode::SegmentNotFound);
    told(&primary.one(&mut owner, part("a", 0, true, false)));
    let known = Question::Ping {
        client: owner.id,
        mounted: vec![(SegmentId(1), 1)],
    };
    let asked =
        |primary: &mut Primary| matches!(primary.ask(&known).0, Answer::Pong { known: true, .. });
    assert!(!asked(&mut primary), "it is to say the rest");
    primary.seal();
    let mut primary = primary.fail_over();
    primary.settle();
    let full = primary.start(&mut owner, "c", 100);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    let overlaps = primary.one(&mut owner, part("b", 50, false, true));
    assert_eq!(refused(&overlaps.outcome), ErrorCode::InvalidParams);
    told(&primary.one(&mut owner, part("b", 100, false, true)));
    assert!(asked(&mut primary));
    assert!(exists(&mut primary, "a") && exists(&mut primary, "b"));
}

#[test]
fn another_clients_incarnation_is_not_mounted_again() {
    let (mut primary, mut owner, mut other) = forgotten();
    let call = Call::ReMount(remount(&[]));
    assert_eq!(told(&primary.one(&mut owner, call.clone())), (0, 0));
    let stolen = primary.one(&mut other, call);
    assert_eq!(refused(&stolen.outcome), ErrorCode::SegmentAlreadyExists);
    let other_size = Call::ReMount(ReMount {
        segment: SegmentInfo {
            size: 2000,
            ..segment(1, 1000)
        },
        ..remount(&[])
    });
    let larger = primary.one(&mut owner, other_size);
    assert_eq!(refused(&larger.outcome), ErrorCode::SegmentAlreadyExists);
}
