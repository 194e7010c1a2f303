use standfast_metadata::{Call, ErrorCode, Placement, SegmentId, Target};

use crate::support::{Caller, Primary, exists, key, located, placed, refused, segment};

fn mounted() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut owner = Caller::new(1);
    let mount = primary.mount(&mut owner, &segment(1, 1 << 20));
    mount.outcome.expect("mounted");
    (primary, owner)
}

#[test]
fn an_object_can_be_read_when_its_put_has_ended_and_not_before() {
    let (mut primary, mut client) = mounted();
    let start = primary.start(&mut client, "a", 100);
    let (size, places) = placed(&start.outcome);
    assert_eq!((size, places.len()), (100, 1));
    assert!(!exists(&mut primary, "a"));
    let error = located(&mut primary, "a").unwrap_err();
    assert_eq!(ErrorCode::of(&error), ErrorCode::ReplicaIsNotReady);

    primary.end(&mut client, "a").outcome.expect("ended");
    assert!(exists(&mut primary, "a"));
    let (size, checksum, at) = located(&mut primary, "a").unwrap();
    assert_eq!((size, checksum), (100, None));
    assert_eq!(at, [(SegmentId(1), places[0].offset)]);
}

#[test]
fn the_checksum_is_what_its_writer_said() {
    let (mut primary, mut client) = mounted();
    primary.start(&mut client, "a", 100);
    let end = Call::PutEnd(vec![(key("a"), Some(0xfeed))]);
    primary.one(&mut client, end).outcome.expect("ended");
    primary.seal();
    let mut successor = primary.fail_over();
    assert_eq!(located(&mut successor, "a").unwrap().1, Some(0xfeed));
}

#[test]
fn ending_a_put_again_is_no_error() {
    let (mut primary, mut client) = mounted();
    primary.put(&mut client, "a", 100);
    let entries = primary.machine.applied();
    primary.end(&mut client, "a").outcome.expect("ended before");
    assert_eq!(primary.machine.applied(), entries, "nothing was logged");
}

#[test]
fn a_key_that_is_there_or_being_written_is_not_put_again() {
    let (mut primary, mut client) = mounted();
    let mut other = Caller::new(2);
    primary.one(&mut other, Call::Join).outcome.expect("joined");
    primary.start(&mut client, "a", 100);
    let again = primary.start(&mut other, "a", 100);
    assert_eq!(refused(&again.outcome), ErrorCode::ObjectAlreadyExists);
    primary.end(&mut client, "a").outcome.expect("ended");
    let again = primary.start(&mut other, "a", 100);
    assert_eq!(refused(&again.outcome), ErrorCode::ObjectAlreadyExists);
}

#[test]
fn a_put_that_hangs_is_overwritten_after_put_start_discard_and_its_memory_comes_back_later() {
    let mut primary = Primary::new();
    let (mut hanging, mut other) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut hanging, &segment(1, 1000));
    primary.one(&mut other, Call::Join).outcome.expect("joined");
    primary.start(&mut hanging, "a", 600);

    primary.pass(29_999);
    primary.ping(&hanging);
    let early = primary.start(&mut other, "a", 300);
    assert_eq!(refused(&early.outcome), ErrorCode::ObjectAlreadyExists);

    primary.pass(1);
    let start = primary.start(&mut other, "a", 300);
    placed(&start.outcome);
    let end = primary.end(&mut hanging, "a");
    assert_eq!(refused(&end.outcome), ErrorCode::IllegalClient);
    primary.end(&mut other, "a").outcome.expect("ended");
    let full = primary.start(&mut other, "b", 600);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);

    for _ in 0..60 {
        primary.pass(10_000);
        assert!(primary.ping(&hanging) && primary.ping(&other));
        primary.settle();
    }
    placed(&primary.start(&mut other, "b", 600).outcome);
}

#[test]
fn a_put_that_was_given_up_is_gone_and_its_memory_is_held_back() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.start(&mut client, "a", 1000);
    primary.revoke(&mut client, "a").outcome.expect("given up");
    let end = primary.end(&mut client, "a");
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);
    let full = primary.start(&mut client, "a", 1000);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    for _ in 0..60 {
        primary.pass(10_000);
        primary.ping(&client);
        primary.settle();
    }
    placed(&primary.start(&mut client, "a", 1000).outcome);
}

#[test]
fn a_put_nobody_ends_does_not_hold_its_memory_for_ever() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.start(&mut client, "a", 1000);
    for _ in 0..121 {
        primary.pass(10_000);
        primary.ping(&client);
        primary.settle();
    }
    let end = primary.end(&mut client, "a");
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);
    placed(&primary.start(&mut client, "b", 1000).outcome);
}

#[test]
fn only_its_writer_ends_or_gives_up_a_put_and_only_one_under_way_is_given_up() {
    let (mut primary, mut client) = mounted();
    let mut other = Caller::new(2);
    primary.one(&mut other, Call::Join).outcome.expect("joined");
    primary.start(&mut client, "a", 100);
    let end = primary.end(&mut other, "a");
    assert_eq!(refused(&end.outcome), ErrorCode::IllegalClient);
    let revoke = primary.revoke(&mut other, "a");
    assert_eq!(refused(&revoke.outcome), ErrorCode::IllegalClient);
    primary.end(&mut client, "a").outcome.expect("ended");
    let revoke = primary.revoke(&mut client, "a");
    assert_eq!(refused(&revoke.outcome), ErrorCode::InvalidWrite);
}

#[test]
fn what_is_not_there_is_not_found() {
    let (mut primary, mut client) = mounted();
    for outcome in [
        primary.end(&mut client, "a").outcome,
        primary.revoke(&mut client, "a").outcome,
        primary.remove(&mut client, "a", false).outcome,
        primary.remove(&mut client, "a", true).outcome,
    ] {
        assert_eq!(refused(&outcome), ErrorCode::ObjectNotFound);
    }
    let error = located(&mut primary, "a").unwrap_err();
    assert_eq!(ErrorCode::of(&error), ErrorCode::ObjectNotFound);
    assert!(!exists(&mut primary, "a"));
}

#[test]
fn a_request_that_is_wrong_is_refused_item_by_item() {
    let (mut primary, mut client) = mounted();
    let call = Call::PutStart {
        objects: vec![
            (key(""), 100),
            (Target::new(b"", &[b'k'; 4097]), 100),
            (key("zero"), 0),
            (key("good"), 100),
        ],
        placement: Placement::default(),
    };
    let answers = primary.call(&mut client, call);
    for answer in &answers[..3] {
        assert_eq!(refused(&answer.outcome), ErrorCode::InvalidParams);
    }
    placed(&answers[3].outcome);
    let call = Call::PutStart {
        objects: vec![(key("b"), 100)],
        placement: Placement {
            replicas: 0,
            ..Placement::default()
        },
    };
    let none = primary.one(&mut client, call);
    assert_eq!(refused(&none.outcome), ErrorCode::InvalidParams);
}

#[test]
fn a_client_the_master_does_not_know_changes_nothing() {
    let (mut primary, mut owner) = mounted();
    primary.put(&mut owner, "a", 100);
    let mut stranger = Caller::new(9);
    for outcome in [
        primary.start(&mut stranger, "b", 100).outcome,
        primary.end(&mut stranger, "a").outcome,
        primary.revoke(&mut stranger, "a").outcome,
        primary.remove(&mut stranger, "a", true).outcome,
    ] {
        assert_eq!(refused(&outcome), ErrorCode::ClientNotFound);
    }
    primary
        .one(&mut stranger, Call::Join)
        .outcome
        .expect("joined");
    placed(&primary.start(&mut stranger, "b", 100).outcome);
}

#[test]
fn replicas_lie_on_as_many_segments_or_nowhere() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    for n in 1..=3 {
        primary.mount(&mut client, &segment(n, 1000));
    }
    let start = |primary: &mut Primary, client: &mut Caller, name: &str, replicas| {
        let placement = Placement {
            replicas,
            preferred: Vec::new(),
            ..Placement::default()
        };
        let objects = vec![(key(name), 10)];
        primary.one(client, Call::PutStart { objects, placement })
    };
    let (_, places) = placed(&start(&mut primary, &mut client, "a", 3).outcome);
    let mut segments: Vec<_> = places.iter().map(|place| place.segment).collect();
    segments.sort_unstable();
    segments.dedup();
    assert_eq!(segments.len(), 3);
    let four = start(&mut primary, &mut client, "b", 4);
    assert_eq!(refused(&four.outcome), ErrorCode::NoAvailableHandle);
}

#[test]
fn a_preferred_segment_is_taken_first_and_another_when_it_is_full() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    for n in 1..=8 {
        primary.mount(&mut client, &segment(n, 1000));
    }
    let mut start = |name: &str| {
        let placement = Placement {
            replicas: 1,
            preferred: vec!["node-5".to_owned()],
            ..Placement::default()
        };
        let objects = vec![(key(name), 500)];
        let answer = primary.one(&mut client, Call::PutStart { objects, placement });
        placed(&answer.outcome).1[0].segment
    };
    let (first, second, third) = (start("a"), start("b"), start("c"));
    assert_eq!(first, second);
    assert_eq!(first.0, 4, "the fifth that was mounted");
    assert_ne!(third, first);
}

#[test]
fn tenants_with_the_same_key_have_different_objects() {
    let (mut primary, mut client) = mounted();
    primary.put(&mut client, "a", 100);
    let objects = vec![(Target::new(b"other", b"a"), 100)];
    let placement = Placement::default();
    let other = primary.one(&mut client, Call::PutStart { objects, placement });
    placed(&other.outcome);
}
