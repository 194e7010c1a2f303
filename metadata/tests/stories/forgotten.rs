//! Segments that are mounted again in the same incarnation, as if they were new.

use standfast_metadata::{Call, ErrorCode, SegmentId, SegmentInfo};

use crate::remount::{forgotten, put};
use crate::support::{Caller, Primary, exists, placed, refused, segment};

/// Time goes by and the client is there.
fn live(primary: &mut Primary, client: &Caller, seconds: u64) {
    for _ in 0..seconds.div_ceil(5) {
        primary.pass(5000);
        primary.ping(client);
        primary.settle();
    }
}

#[test]
fn an_incarnation_that_expired_is_not_mounted_as_if_it_were_new() {
    let (mut primary, mut owner, mut other) = forgotten();
    let unmount = Call::Unmount(vec![SegmentId(2)]);
    primary.one(&mut other, unmount).outcome.expect("unmounted");
    primary.seal();
    primary.change_leader();
    let machine = crate::snapshots::restored(&mut primary);
    let mut primary = primary.continue_with(machine);
    live(&mut primary, &other, 100);

    let mount = primary.mount(&mut owner, &segment(1, 1000));
    mount.outcome.expect("mounted");
    assert!(primary.ping(&owner));
    live(&mut primary, &owner, 480);
    let full = primary.start(&mut owner, "a", 100);
    let what = "who had `a` may still read or write there";
    assert_eq!(
        refused(&full.outcome),
        ErrorCode::NoAvailableHandle,
        "{what}"
    );
    live(&mut primary, &owner, 30);
    placed(&primary.start(&mut owner, "a", 1000).outcome);
}

#[test]
fn an_incarnation_that_was_taken_back_is_not_mounted_as_if_it_were_new() {
    for grace_ms in [None, Some(0), Some(5000)] {
        let mut primary = Primary::new();
        let mut owner = Caller::new(1);
        primary.mount(&mut owner, &segment(1, 1000));
        put(&mut primary, &mut owner, "a", 1);
        assert!(exists(&mut primary, "a"));
        let ids = vec![SegmentId(1)];
        let unmount = match grace_ms {
            None => Call::Unmount(ids),
            Some(grace_ms) => Call::GracefulUnmount {
                ids,
                grace_ms,
                force: false,
            },
        };
        primary.one(&mut owner, unmount).outcome.expect("unmounted");
        live(&mut primary, &owner, 10);
        let mount = primary.mount(&mut owner, &segment(1, 1000));
        mount.outcome.expect("mounted");
        let full = primary.start(&mut owner, "b", 100);
        assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
        let new = SegmentInfo {
            incarnation: 2,
            ..segment(1, 1000)
        };
        primary.mount(&mut owner, &new).outcome.expect("mounted");
        placed(&primary.start(&mut owner, "b", 1000).outcome);
    }
}

#[test]
fn a_dismissed_incarnation_is_not_mounted_as_if_it_were_new_when_its_client_is_gone() {
    let (mut primary, mut other) = (Primary::new(), Caller::new(2));
    let mut owner = Caller::new(1);
    primary.mount(&mut owner, &segment(1, 1000));
    let dismiss = Call::GracefulUnmount {
        ids: vec![SegmentId(1)],
        grace_ms: 0,
        force: true,
    };
    primary.one(&mut other, Call::Join).outcome.expect("joined");
    primary.one(&mut other, dismiss).outcome.expect("dismissed");
    live(&mut primary, &other, 20);
    let mount = primary.mount(&mut owner, &segment(1, 1000));
    mount.outcome.expect("mounted by a client that is new");
    let full = primary.start(&mut owner, "a", 100);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
}

#[test]
fn what_was_forgotten_is_remembered_no_longer_than_its_memory_is_held_back() {
    let (mut primary, _, other) = forgotten();
    let rows = primary.rows();
    live(&mut primary, &other, 600);
    assert_eq!(primary.rows(), rows - 1);
}
