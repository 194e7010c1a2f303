use standfast_core::{Command, Outcome};
use standfast_metadata::{Call, ErrorCode, Place, Placement};

use crate::support::{Answered, Caller, Primary, exists, key, located, placed, refused, segment};

/// A primary past its time of grace, with `a` of 100 bytes in a segment of 200.
fn with_object() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 200));
    primary.put(&mut client, "a", 100);
    primary.pass(10_000);
    primary.ping(&client);
    primary.seal();
    (primary, client)
}

fn upsert(size: u64) -> Call {
    Call::UpsertStart {
        objects: vec![(key("a"), size)],
        placement: Placement::default(),
    }
}

fn start(primary: &mut Primary, client: &mut Caller, size: u64) -> Answered {
    primary.one(client, upsert(size))
}

fn place(outcome: &Outcome) -> Place {
    placed(outcome).1[0]
}

fn end(primary: &mut Primary, client: &mut Caller, checksum: u64) {
    let ends = vec![(key("a"), Some(checksum))];
    let ended = primary.one(client, Call::PutEnd(ends));
    ended.outcome.expect("ended");
}

/// Where `a` can be read, which leases it.
fn offset(primary: &mut Primary) -> u64 {
    located(primary, "a").unwrap().2[0].1
}

#[test]
fn an_absent_key_is_put() {
    let (mut primary, mut client) = with_object();
    primary
        .remove(&mut client, "a", false)
        .outcome
        .expect("removed");
    placed(&start(&mut primary, &mut client, 50).outcome);
    end(&mut primary, &mut client, 7);
    assert_eq!(located(&mut primary, "a").unwrap().1, Some(7));
}

#[test]
fn an_object_of_the_same_size_that_nobody_reads_is_written_again_where_it_is() {
    let (mut primary, mut client) = with_object();
    let mut other = Caller::new(2);
    primary.one(&mut other, Call::Join).outcome.expect("joined");
    let at = place(&start(&mut primary, &mut other, 100).outcome);
    assert_eq!(at.offset, 0, "where it was");
    assert!(!exists(&mut primary, "a"), "being written");
    let stranger = primary.end(&mut client, "a");
    assert_eq!(refused(&stranger.outcome), ErrorCode::IllegalClient);
    end(&mut primary, &mut other, 7);
    let (size, checksum, replicas) = located(&mut primary, "a").unwrap();
    assert_eq!((size, checksum, replicas[0].1), (100, Some(7), 0));
}

#[test]
fn a_leased_object_is_written_elsewhere_and_its_memory_waits_for_the_readers() {
    let (mut primary, mut client) = with_object();
    assert_eq!(offset(&mut primary), 0);
    let at = place(&start(&mut primary, &mut client, 100).outcome);
    assert_eq!(at.offset, 100);
    end(&mut primary, &mut client, 7);
    let full = primary.start(&mut client, "b", 100);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    primary.pass(10_200);
    primary.ping(&client);
    primary.settle();
    placed(&primary.start(&mut client, "b", 100).outcome);
}

#[test]
fn after_a_promotion_nothing_is_written_where_it_is_for_one_lease() {
    let (mut primary, mut client) = with_object();
    primary.mount(&mut client, &segment(2, 1000));
    primary.seal();
    primary.change_leader();
    let at = place(&start(&mut primary, &mut client, 100).outcome);
    assert_eq!(at.segment.0, 1, "the second that was mounted");
}

#[test]
fn another_size_goes_elsewhere_and_the_memory_of_the_old_one_is_free() {
    let (mut primary, mut client) = with_object();
    let at = place(&start(&mut primary, &mut client, 60).outcome);
    assert_eq!(at.offset, 100);
    end(&mut primary, &mut client, 7);
    placed(&primary.start(&mut client, "b", 100).outcome);
}

#[test]
fn another_number_of_replicas_goes_elsewhere() {
    let (mut primary, mut client) = with_object();
    primary.mount(&mut client, &segment(2, 200));
    let call = Call::UpsertStart {
        objects: vec![(key("a"), 100)],
        placement: Placement {
            replicas: 2,
            ..Placement::default()
        },
    };
    let (_, places) = placed(&primary.one(&mut client, call).outcome);
    assert_eq!(places.len(), 2);
}

#[test]
fn an_object_being_written_is_not_written_again_before_put_start_discard() {
    let (mut primary, mut client) = with_object();
    placed(&start(&mut primary, &mut client, 100).outcome);
    let again = start(&mut primary, &mut client, 100);
    assert_eq!(refused(&again.outcome), ErrorCode::ObjectAlreadyExists);
    for _ in 0..3 {
        primary.pass(10_000);
        primary.ping(&client);
    }
    let at = place(&start(&mut primary, &mut client, 100).outcome);
    assert_eq!(at.offset, 100, "the first may still be writing");
}

#[test]
fn a_failover_never_shows_an_object_that_is_being_written_again_as_complete() {
    for size in [100, 60] {
        let (mut primary, mut client) = with_object();
        let started = start(&mut primary, &mut client, size);
        assert_eq!(started.waits_for, primary.machine.applied());
        primary.seal();
        primary.change_leader();
        assert!(!exists(&mut primary, "a"));
        end(&mut primary, &mut client, 7);
        assert_eq!(located(&mut primary, "a").unwrap().1, Some(7));
    }
}

#[test]
fn a_start_that_was_not_answered_leaves_the_object_as_it_was() {
    let (mut primary, mut client) = with_object();
    placed(&start(&mut primary, &mut client, 100).outcome);
    primary.change_leader();
    assert!(exists(&mut primary, "a"));
}

#[test]
fn a_request_that_is_sent_again_after_a_failover_gets_the_same_place() {
    for size in [100, 60] {
        let (mut primary, mut client) = with_object();
        let first = start(&mut primary, &mut client, size).outcome;
        primary.seal();
        primary.change_leader();
        let again = Command::new(client.header(), 1, upsert(size));
        assert_eq!(primary.propose(&again)[0].outcome, first);
    }
}

#[test]
fn a_put_that_is_given_up_leaves_nothing_of_the_object() {
    let (mut primary, mut client) = with_object();
    placed(&start(&mut primary, &mut client, 100).outcome);
    primary.revoke(&mut client, "a").outcome.expect("given up");
    let gone = primary.end(&mut client, "a");
    assert_eq!(refused(&gone.outcome), ErrorCode::ObjectNotFound);
    let full = primary.start(&mut client, "b", 200);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
}

#[test]
fn it_has_the_pins_that_it_was_last_written_with() {
    let (mut primary, mut client) = with_object();
    primary.pin(&mut client, "pinned", 100);
    let unpin = Call::UpsertStart {
        objects: vec![(key("pinned"), 100)],
        placement: Placement::default(),
    };
    placed(&primary.one(&mut client, unpin).outcome);
    primary.end(&mut client, "pinned").outcome.expect("ended");
    primary.settle();
    // All 200 bytes were used: nothing was pinned any more.
    let left = ["a", "pinned"].map(|name| exists(&mut primary, name));
    assert_eq!(left.iter().filter(|there| **there).count(), 1, "{left:?}");
}
