use standfast_core::Command;
use standfast_metadata::{Call, Placement};

use crate::support::{Caller, Primary, key, segment};

fn batch(names: &[&str]) -> Call {
    Call::PutStart {
        objects: names.iter().map(|name| (key(name), 100)).collect(),
        placement: Placement::default(),
    }
}

#[test]
fn asking_again_gives_the_same_answer_and_changes_nothing() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1 << 20));
    let first = primary.call(&mut client, batch(&["a", "b", "c"]));
    let entries = primary.machine.applied();
    let again = primary.propose(&Command::new(client.header(), 3, batch(&["a", "b", "c"])));
    assert_eq!(primary.machine.applied(), entries);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.outcome, again.outcome);
        assert!(
            again.waits_for > first.waits_for,
            "now it waits for its commit"
        );
    }
}

#[test]
fn a_successor_gives_the_same_answer() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1 << 20));
    let first = primary.call(&mut client, batch(&["a", "b"]));
    primary.seal();
    let mut primary = primary.fail_over();
    let again = primary.propose(&Command::new(client.header(), 2, batch(&["a", "b"])));
    let outcomes = |answers: &[crate::support::Answered]| {
        let outcomes = answers.iter().map(|answer| answer.outcome.clone());
        outcomes.collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&first), outcomes(&again));
}

#[test]
fn the_pieces_of_a_large_request_are_one_request() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1 << 20));
    let mut header = client.next();
    let first = primary.propose(&Command::new(header, 2, batch(&["a", "b"])));
    header.first_item = 2;
    let second = primary.propose(&Command::new(header, 2, batch(&["c", "d"])));
    let entries = primary.machine.applied();
    assert_eq!(
        primary.propose(&Command::new(header, 2, batch(&["c", "d"])))[1].outcome,
        second[1].outcome
    );
    header.first_item = 0;
    assert_eq!(
        primary.propose(&Command::new(header, 2, batch(&["a", "b"])))[0].outcome,
        first[0].outcome
    );
    assert_eq!(primary.machine.applied(), entries);
}

#[test]
fn a_refusal_is_not_remembered() {
    let mut primary = Primary::new();
    let (mut client, mut other) = (Caller::new(1), Caller::new(2));
    primary
        .one(&mut client, Call::Join)
        .outcome
        .expect("joined");
    primary.call(&mut client, batch(&["a"]))[0]
        .outcome
        .clone()
        .expect_err("no segment");
    primary.mount(&mut other, &segment(1, 1 << 20));
    let again = primary.propose(&Command::new(client.header(), 1, batch(&["a"])));
    again[0].outcome.clone().expect("there is room now");
}
