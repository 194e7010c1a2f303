use standfast_metadata::ErrorCode;

use crate::support::{Caller, Primary, exists, placed, refused, segment};

/// A primary whose time of grace is over, with one object of all the memory there is.
fn with_object() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.put(&mut client, "a", 1000);
    primary.pass(10_000);
    primary.ping(&client);
    (primary, client)
}

#[test]
fn an_object_nobody_reads_is_removed_and_its_memory_used_again_at_once() {
    let (mut primary, mut client) = with_object();
    primary
        .remove(&mut client, "a", false)
        .outcome
        .expect("removed");
    assert!(!exists(&mut primary, "a"));
    placed(&primary.start(&mut client, "b", 1000).outcome);
}

#[test]
fn a_read_protects_an_object_from_removal_for_one_lease() {
    let (mut primary, mut client) = with_object();
    assert!(exists(&mut primary, "a"));
    primary.pass(9_999);
    primary.ping(&client);
    let remove = primary.remove(&mut client, "a", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
    primary.pass(200);
    primary
        .remove(&mut client, "a", false)
        .outcome
        .expect("removed");
}

#[test]
fn a_forced_removal_hides_the_object_but_its_memory_waits_for_the_readers() {
    let (mut primary, mut client) = with_object();
    assert!(exists(&mut primary, "a"));
    primary
        .remove(&mut client, "a", true)
        .outcome
        .expect("removed");
    assert!(!exists(&mut primary, "a"));
    let full = primary.start(&mut client, "b", 1000);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    primary.pass(10_200);
    primary.ping(&client);
    primary.settle();
    placed(&primary.start(&mut client, "b", 1000).outcome);
}

#[test]
fn after_a_promotion_every_object_counts_as_leased_for_one_lease() {
    let (mut primary, mut client) = with_object();
    primary.seal();
    let mut primary = primary.fail_over();
    let remove = primary.remove(&mut client, "a", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
    primary.pass(10_000);
    primary
        .remove(&mut client, "a", false)
        .outcome
        .expect("removed");
}

#[test]
fn a_put_under_way_is_removed_by_force_only_and_its_memory_waits_for_the_writer() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.start(&mut client, "a", 1000);
    let remove = primary.remove(&mut client, "a", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ReplicaIsNotReady);
    primary
        .remove(&mut client, "a", true)
        .outcome
        .expect("removed");
    let end = primary.end(&mut client, "a");
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);
    primary.pass(9_000);
    primary.settle();
    let full = primary.start(&mut client, "b", 1000);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
}
