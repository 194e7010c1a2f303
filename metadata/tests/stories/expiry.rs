use standfast_core::SessionId;
use standfast_metadata::{Answer, Call, ErrorCode, Question, SegmentId};

use crate::support::{Caller, Primary, exists, placed, refused, segment};

#[test]
fn a_client_that_says_nothing_is_expired_with_its_segments_and_its_session() {
    let mut primary = Primary::new();
    let (mut silent, mut alive) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut silent, &segment(1, 1000));
    primary.put(&mut silent, "a", 1000);
    primary.mount(&mut alive, &segment(2, 2000));
    primary.put(&mut alive, "b", 1000);
    let remembered = |primary: &Primary| primary.machine.rows() - primary.rows();
    assert_eq!(remembered(&primary), 2);
    for _ in 0..11 {
        primary.pass(1000);
        primary.ping(&alive);
        primary.settle();
    }
    assert!(!exists(&mut primary, "a"));
    assert!(exists(&mut primary, "b"));
    assert!(!primary.ping(&silent) && primary.ping(&alive));
    assert_eq!(remembered(&primary), 1, "sessions {:?}", SessionId(1));
    let put = primary.start(&mut silent, "c", 10);
    assert_eq!(refused(&put.outcome), ErrorCode::ClientNotFound);
}

#[test]
fn a_client_that_joins_late_in_a_term_is_not_expired_for_the_time_before() {
    let mut primary = Primary::new();
    for _ in 0..30 {
        primary.pass(1000);
        primary.settle();
    }
    let (mut lender, mut writer) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut lender, &segment(1, 1000));
    let joined = primary.one(&mut writer, Call::Join);
    joined.outcome.expect("joined");
    primary.settle();
    primary.pass(1000);
    primary.settle();
    assert!(primary.ping(&lender) && primary.ping(&writer));
}

#[test]
fn every_call_is_a_sign_of_life() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1 << 20));
    for n in 0..20 {
        primary.pass(3000);
        primary.upkeep();
        primary.put(&mut client, &format!("k{n}"), 10);
    }
    assert!(primary.ping(&client));
}

#[test]
fn an_expired_writers_puts_are_given_up_and_their_memory_is_held_back() {
    let mut primary = Primary::new();
    let (mut owner, mut writer) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut owner, &segment(1, 1000));
    primary
        .one(&mut writer, Call::Join)
        .outcome
        .expect("joined");
    primary.start(&mut writer, "a", 1000);
    for _ in 0..11 {
        primary.pass(1000);
        primary.ping(&owner);
        primary.settle();
    }
    let full = primary.start(&mut owner, "a", 1000);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    for _ in 0..60 {
        primary.pass(10_000);
        primary.ping(&owner);
        primary.settle();
    }
    placed(&primary.start(&mut owner, "a", 1000).outcome);
}

#[test]
fn after_a_promotion_every_client_counts_as_just_heard_of() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.put(&mut client, "a", 100);
    primary.pass(9_000);
    primary.seal();
    let mut primary = primary.fail_over();
    for _ in 0..9 {
        primary.pass(1000);
        primary.settle();
    }
    assert!(exists(&mut primary, "a"));
    for _ in 0..3 {
        primary.pass(1000);
        primary.settle();
    }
    assert!(!exists(&mut primary, "a"));
}

#[test]
fn nobody_is_expired_for_a_time_in_which_the_primary_itself_stood_still() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.upkeep();
    primary.pass(60_000);
    primary.settle();
    assert!(primary.ping(&client));
}

#[test]
fn a_client_is_asked_to_remount_only_what_the_master_does_not_know() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    let known = |primary: &mut Primary, id: u128, incarnation| {
        let question = Question::Ping {
            client: standfast_metadata::ClientId(1),
            mounted: vec![(SegmentId(id), incarnation)],
        };
        matches!(primary.ask(&question).0, Answer::Pong { known: true, .. })
    };
    assert!(!known(&mut primary, 1, 1));
    primary.mount(&mut client, &segment(1, 1000));
    assert!(known(&mut primary, 1, 1));
    assert!(!known(&mut primary, 1, 2));
    assert!(!known(&mut primary, 2, 1));
    primary.seal();
    let mut primary = primary.fail_over();
    assert!(known(&mut primary, 1, 1), "nothing is mounted again");
}
