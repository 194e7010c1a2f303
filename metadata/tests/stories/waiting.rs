use standfast_core::Seq;
use standfast_metadata::{Call, ClientId, ErrorCode, Placement, Question, SegmentId};

use crate::support::{Caller, Primary, key, placed, refused, segment};

/// A primary with a committed segment, whose time of grace is over.
fn settled() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1 << 20));
    primary.pass(10_000);
    primary.settle();
    primary.ping(&client);
    primary.seal();
    (primary, client)
}

fn ask(primary: &mut Primary, name: &str) -> Seq {
    let question = Question::Locate {
        client: ClientId::NONE,
        targets: vec![key(name)],
    };
    primary.ask(&question).1
}

#[test]
fn a_put_that_starts_waits_for_nothing_that_is_not_committed_long_ago() {
    let (mut primary, mut client) = settled();
    let committed = primary.committed();
    for n in 0..500 {
        let start = primary.start(&mut client, &format!("k{n}"), 1000);
        placed(&start.outcome);
        if n < 10 {
            assert!(start.waits_for <= committed, "number {n}: {start:?}");
        }
        if n % 5 == 4 {
            primary.seal();
        }
    }
}

#[test]
fn under_load_the_window_is_extended_before_it_is_used_up() {
    let (mut primary, mut client) = settled();
    for n in 0..1000 {
        let committed = primary.committed();
        let start = primary.start(&mut client, &format!("k{n}"), 1000);
        placed(&start.outcome);
        // Commits are ten puts behind: a tenth of a window.
        if n % 10 == 9 {
            primary.seal();
        } else if n > 20 {
            assert!(start.waits_for <= committed || start.waits_for.since(committed) <= 10);
        }
    }
}

#[test]
fn the_first_put_in_a_segment_waits_for_its_mount() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    let mount = primary.mount(&mut client, &segment(1, 1 << 20));
    assert_eq!(mount.waits_for, primary.machine.applied());
    let start = primary.start(&mut client, "a", 100);
    assert_eq!(start.waits_for, mount.waits_for);
}

#[test]
fn a_put_waits_for_the_reservation_it_lies_in() {
    let (mut primary, mut client) = settled();
    let committed = primary.committed();
    let mount = primary.mount(&mut client, &segment(2, 1 << 20));
    let placement = Placement {
        replicas: 1,
        preferred: vec!["node-2".to_owned()],
        ..Placement::default()
    };
    let objects = vec![(key("a"), 100)];
    let start = primary.one(&mut client, Call::PutStart { objects, placement });
    placed(&start.outcome);
    assert_eq!(start.waits_for, mount.waits_for);

    // Nothing is committed any more: the window of the first segment lasts for a while, what extends it does not.
    let mut waits = Vec::new();
    for n in 0..200 {
        let placement = Placement {
            replicas: 1,
            preferred: vec!["node-1".to_owned()],
            ..Placement::default()
        };
        let objects = vec![(key(&format!("k{n}")), 100)];
        let start = primary.one(&mut client, Call::PutStart { objects, placement });
        placed(&start.outcome);
        waits.push(start.waits_for);
    }
    assert!(waits[..50].iter().all(|seq| *seq <= committed), "{waits:?}");
    assert!(
        waits[150..].iter().all(|seq| *seq > mount.waits_for),
        "{waits:?}"
    );
    assert!(waits.is_sorted());
}

#[test]
fn the_end_of_a_put_waits_for_its_own_commit() {
    let (mut primary, mut client) = settled();
    primary.start(&mut client, "a", 100);
    let end = primary.end(&mut client, "a");
    assert_eq!(end.waits_for, primary.machine.applied());
    let again = primary.end(&mut client, "a");
    assert_eq!(again.waits_for, end.waits_for, "the second says the same");
}

#[test]
fn a_put_after_a_removal_waits_for_the_removal() {
    let (mut primary, mut client) = settled();
    primary.put(&mut client, "a", 100);
    primary.seal();
    let remove = primary.remove(&mut client, "a", false);
    remove.outcome.expect("removed");
    let start = primary.start(&mut client, "a", 100);
    placed(&start.outcome);
    assert_eq!(start.waits_for, remove.waits_for);
}

#[test]
fn a_put_of_a_key_whose_segment_is_gone_waits_for_that() {
    let (mut primary, mut client) = settled();
    primary.mount(&mut client, &segment(2, 1 << 20));
    primary.put(&mut client, "a", 100);
    primary.seal();
    let (_, _, at) = crate::support::located(&mut primary, "a").unwrap();
    let unmount = primary.one(&mut client, Call::Unmount(vec![at[0].0]));
    unmount.outcome.expect("unmounted");
    let start = primary.start(&mut client, "a", 100);
    placed(&start.outcome);
    assert_eq!(start.waits_for, unmount.waits_for);
}

#[test]
fn a_put_into_memory_that_was_just_freed_waits_for_the_reservation_behind_the_removal() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.put(&mut client, "a", 1000);
    primary.pass(10_000);
    primary.seal();
    primary.ping(&client);
    primary
        .remove(&mut client, "a", false)
        .outcome
        .expect("removed");
    let start = primary.start(&mut client, "b", 1000);
    placed(&start.outcome);
    assert_eq!(start.waits_for, primary.machine.applied());
}

#[test]
fn answers_and_refusals_wait_for_what_they_reveal() {
    let (mut primary, mut client) = settled();
    let start = primary.start(&mut client, "a", 100);
    let started = primary.machine.applied();
    placed(&start.outcome);
    let again = primary.start(&mut client, "a", 100);
    assert_eq!(refused(&again.outcome), ErrorCode::ObjectAlreadyExists);
    assert_eq!(again.waits_for, started);
    assert_eq!(ask(&mut primary, "a"), started);
    let end = primary.end(&mut client, "a");
    assert_eq!(ask(&mut primary, "a"), end.waits_for);
    primary.seal();
    let too_large = primary.start(&mut client, "b", 1 << 30);
    assert_eq!(refused(&too_large.outcome), ErrorCode::NoAvailableHandle);
    assert_eq!(too_large.waits_for, primary.machine.applied());
}

#[test]
fn an_object_that_is_not_there_because_its_segment_went_is_missed_only_after_the_commit() {
    let (mut primary, mut client) = settled();
    primary.put(&mut client, "a", 100);
    primary.seal();
    let unmount = primary.one(&mut client, Call::Unmount(vec![SegmentId(1)]));
    assert_eq!(ask(&mut primary, "a"), unmount.waits_for);
}
