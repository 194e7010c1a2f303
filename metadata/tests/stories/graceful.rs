use standfast_metadata::{Answer, Call, ClientId, ErrorCode, Question, SegmentId, SegmentInfo};

use crate::support::{Answered, Caller, Primary, exists, placed, refused, segment};

fn unmount(grace_ms: u64, force: bool) -> Call {
    Call::GracefulUnmount {
        ids: vec![SegmentId(1)],
        grace_ms,
        force,
    }
}

/// A primary with `a` in segment 1.
fn with_object() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut owner = Caller::new(1);
    primary.mount(&mut owner, &segment(1, 1000));
    primary.put(&mut owner, "a", 100);
    (primary, owner)
}

/// Time goes by and the client is there.
fn live(primary: &mut Primary, client: &Caller, seconds: u64) {
    for _ in 0..seconds {
        primary.pass(1000);
        primary.ping(client);
        primary.settle();
    }
}

/// Whether a ping of client 1 that names segment 1 is answered with Ok.
fn known(primary: &mut Primary) -> bool {
    let question = Question::Ping {
        client: ClientId(1),
        mounted: vec![(SegmentId(1), 1)],
    };
    matches!(primary.ask(&question).0, Answer::Pong { known: true, .. })
}

fn done(answered: &Answered) {
    answered.outcome.as_ref().expect("done");
}

#[test]
fn until_the_grace_is_over_nothing_is_allocated_and_everything_is_read() {
    let (mut primary, mut owner) = with_object();
    placed(&primary.start(&mut owner, "open", 100).outcome);
    done(&primary.one(&mut owner, unmount(30_000, false)));
    let full = primary.start(&mut owner, "b", 100);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    done(&primary.end(&mut owner, "open"));
    live(&mut primary, &owner, 29);
    assert!(exists(&mut primary, "a") && exists(&mut primary, "open"));
    live(&mut primary, &owner, 1);
    assert!(!exists(&mut primary, "a") && !exists(&mut primary, "open"));
    done(&primary.mount(&mut owner, &segment(1, 1000)));
}

#[test]
fn the_grace_goes_on_through_a_failover() {
    let (mut primary, mut owner) = with_object();
    done(&primary.one(&mut owner, unmount(30_000, false)));
    live(&mut primary, &owner, 10);
    primary.seal();
    let mut primary = primary.fail_over();
    // It has applied all entries only now: what passed since the last is not known to it.
    live(&mut primary, &owner, 29);
    assert!(exists(&mut primary, "a"));
    let full = primary.start(&mut owner, "b", 100);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    live(&mut primary, &owner, 1);
    assert!(!exists(&mut primary, "a"));
}

#[test]
fn the_last_grace_that_was_asked_for_counts() {
    let (mut primary, mut owner) = with_object();
    done(&primary.one(&mut owner, unmount(30_000, false)));
    done(&primary.one(&mut owner, unmount(5_000, false)));
    live(&mut primary, &owner, 5);
    assert!(!exists(&mut primary, "a"));
}

#[test]
fn no_grace_at_all_is_over_at_once() {
    let (mut primary, mut owner) = with_object();
    done(&primary.one(&mut owner, unmount(0, false)));
    assert!(!exists(&mut primary, "a"));
    assert!(!known(&mut primary), "its own client may mount it again");
}

#[test]
fn a_client_that_expires_in_its_grace_takes_the_segment_along() {
    let (mut primary, mut owner) = with_object();
    done(&primary.one(&mut owner, unmount(11_000, false)));
    for _ in 0..3 {
        primary.pass(4000);
        primary.settle();
    }
    assert!(!exists(&mut primary, "a"));
    assert!(!primary.ping(&owner));
}

#[test]
fn only_by_force_is_another_clients_segment_unmounted_and_it_stays_so() {
    let (mut primary, owner) = with_object();
    let mut operator = Caller::new(2);
    done(&primary.one(&mut operator, Call::Join));
    let polite = primary.one(&mut operator, unmount(5_000, false));
    assert_eq!(refused(&polite.outcome), ErrorCode::IllegalClient);
    done(&primary.one(&mut operator, unmount(5_000, true)));
    live(&mut primary, &owner, 5);
    assert!(!exists(&mut primary, "a"));
    primary.seal();
    let mut primary = primary.fail_over();
    assert!(known(&mut primary), "it is not asked to mount it again");
    let mut owner = owner;
    let again = primary.mount(&mut owner, &segment(1, 1000));
    assert_eq!(refused(&again.outcome), ErrorCode::SegmentNotFound);
    let restarted = SegmentInfo {
        incarnation: 2,
        ..segment(1, 1000)
    };
    done(&primary.mount(&mut owner, &restarted));
    assert!(!known(&mut primary), "that was the incarnation before");
}

#[test]
fn a_dismissal_is_forgotten_with_the_client() {
    let (mut primary, mut owner) = with_object();
    done(&primary.one(&mut Caller::new(0), unmount(0, true)));
    assert!(known(&mut primary));
    for _ in 0..12 {
        primary.pass(1000);
        primary.settle();
    }
    assert!(!primary.ping(&owner));
    done(&primary.mount(&mut owner, &segment(1, 1000)));
}

#[test]
fn a_segment_is_not_mounted_again_while_it_is_being_unmounted() {
    let (mut primary, mut owner) = with_object();
    done(&primary.one(&mut owner, unmount(5_000, false)));
    let again = primary.mount(&mut owner, &segment(1, 1000));
    assert_eq!(refused(&again.outcome), ErrorCode::SegmentAlreadyExists);
    let absent = primary.one(
        &mut owner,
        Call::GracefulUnmount {
            ids: vec![SegmentId(9)],
            grace_ms: 1,
            force: true,
        },
    );
    assert_eq!(refused(&absent.outcome), ErrorCode::SegmentNotFound);
}
