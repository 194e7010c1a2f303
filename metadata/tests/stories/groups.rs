use standfast_core::Outcome;
use standfast_metadata::{Call, ErrorCode, Placement, RemoveMany, RemovedPage, Target};

use crate::support::{Caller, Primary, exists, key, placed, refused, segment};

fn start(primary: &mut Primary, caller: &mut Caller, target: Target, group: &str) -> Outcome {
    let call = Call::PutStart {
        objects: vec![(target, 100)],
        placement: Placement {
            group: group.to_owned(),
            ..Placement::default()
        },
    };
    primary.one(caller, call).outcome
}

fn put(primary: &mut Primary, caller: &mut Caller, target: Target, group: &str) {
    placed(&start(primary, caller, target.clone(), group));
    let ended = primary.one(caller, Call::PutEnd(vec![(target, None)]));
    ended.outcome.expect("ended");
}

/// A primary whose time of grace is over, with `a` and `b` of a group, `c` of another, and `d` of none.
fn with_groups() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut caller = Caller::new(1);
    primary.mount(&mut caller, &segment(1, 100_000));
    for (name, group) in [("a", "g"), ("b", "g"), ("c", "h"), ("d", "")] {
        put(&mut primary, &mut caller, key(name), group);
    }
    primary.pass(10_000);
    primary.ping(&caller);
    (primary, caller)
}

fn removed(primary: &mut Primary, caller: &mut Caller, name: &str) -> bool {
    primary.remove(caller, name, false).outcome.is_ok()
}

#[test]
fn a_read_of_one_protects_its_group_and_no_other_for_one_lease() {
    let (mut primary, mut caller) = with_groups();
    assert!(exists(&mut primary, "a"));
    primary.pass(9_999);
    primary.ping(&caller);
    primary.settle();
    let remove = primary.remove(&mut caller, "b", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
    assert!(removed(&mut primary, &mut caller, "c"));
    assert!(removed(&mut primary, &mut caller, "d"));
    primary.pass(200);
    primary.ping(&caller);
    assert!(removed(&mut primary, &mut caller, "b"));
}

#[test]
fn one_that_joins_a_leased_group_is_protected_and_a_group_of_the_same_name_elsewhere_is_not() {
    let (mut primary, mut caller) = with_groups();
    let elsewhere = Target::new(b"other", b"x");
    put(&mut primary, &mut caller, elsewhere.clone(), "g");
    assert!(exists(&mut primary, "a"));
    put(&mut primary, &mut caller, key("late"), "g");
    assert!(!removed(&mut primary, &mut caller, "late"));
    let call = Call::Remove {
        targets: vec![elsewhere],
        force: false,
    };
    primary.one(&mut caller, call).outcome.expect("removed");
}

#[test]
fn a_group_keeps_an_object_that_loses_a_replica() {
    let (mut primary, mut caller) = with_groups();
    primary.mount(&mut caller, &segment(2, 100_000));
    let call = Call::PutStart {
        objects: vec![(key("two"), 100)],
        placement: Placement {
            replicas: 2,
            group: "g".to_owned(),
            ..Placement::default()
        },
    };
    placed(&primary.one(&mut caller, call).outcome);
    primary.end(&mut caller, "two").outcome.expect("ended");
    let unmount = Call::Unmount(vec![segment(1, 0).id]);
    primary.one(&mut caller, unmount).outcome.unwrap();
    primary.settle();
    put(&mut primary, &mut caller, key("late"), "g");
    assert!(exists(&mut primary, "late"));
    assert!(!removed(&mut primary, &mut caller, "two"));
}

#[test]
fn removing_many_skips_a_leased_group() {
    let (mut primary, mut caller) = with_groups();
    assert!(exists(&mut primary, "a"));
    let call = RemoveMany {
        targets: ["a", "b", "c", "d"].map(key).to_vec(),
        force: false,
        next: None,
    };
    let reply = primary.one(&mut caller, Call::RemoveMany(call)).outcome;
    let page = RemovedPage::of_reply(&reply.unwrap()).unwrap();
    assert_eq!((page.removed, page.leased), (2, 2));
}

#[test]
fn a_group_outlives_a_failover() {
    let (mut primary, mut caller) = with_groups();
    primary.seal();
    let mut primary = primary.fail_over();
    primary.pass(10_100);
    primary.ping(&caller);
    assert!(exists(&mut primary, "a"));
    assert!(!removed(&mut primary, &mut caller, "b"));
    assert!(removed(&mut primary, &mut caller, "d"));
}

#[test]
fn the_name_of_a_group_has_at_most_255_bytes() {
    let (mut primary, mut caller) = with_groups();
    let long = start(&mut primary, &mut caller, key("x"), &"g".repeat(256));
    assert_eq!(refused(&long), ErrorCode::InvalidParams);
    placed(&start(
        &mut primary,
        &mut caller,
        key("x"),
        &"g".repeat(255),
    ));
}
