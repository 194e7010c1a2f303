use standfast_metadata::{Call, ErrorCode, SegmentId, SegmentInfo};

use crate::support::{Caller, Primary, exists, key, placed, refused, segment};

#[test]
fn mounting_the_same_segment_again_changes_nothing() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    let info = segment(1, 1000);
    primary.mount(&mut client, &info).outcome.expect("mounted");
    primary.put(&mut client, "a", 100);
    let entries = primary.machine.applied();
    primary
        .mount(&mut client, &info)
        .outcome
        .expect("mounted before");
    assert_eq!(primary.machine.applied(), entries);
    assert!(exists(&mut primary, "a"));
}

#[test]
fn the_same_incarnation_cannot_be_something_else() {
    let mut primary = Primary::new();
    let (mut client, mut other) = (Caller::new(1), Caller::new(2));
    let info = segment(1, 1000);
    primary.mount(&mut client, &info).outcome.expect("mounted");
    let stolen = primary.mount(&mut other, &info);
    assert_eq!(refused(&stolen.outcome), ErrorCode::SegmentAlreadyExists);
    let larger = SegmentInfo { size: 2000, ..info };
    let larger = primary.mount(&mut client, &larger);
    assert_eq!(refused(&larger.outcome), ErrorCode::SegmentAlreadyExists);
}

#[test]
fn a_new_incarnation_replaces_the_old_one_replicas_and_all() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.put(&mut client, "a", 1000);
    let restarted = SegmentInfo {
        incarnation: 2,
        ..segment(1, 1000)
    };
    let mut restarted_client = Caller::new(2);
    let mount = primary.mount(&mut restarted_client, &restarted);
    mount.outcome.expect("mounted");
    assert!(!exists(&mut primary, "a"));
    placed(&primary.start(&mut restarted_client, "a", 1000).outcome);
}

#[test]
fn a_client_that_restarts_on_the_same_address_costs_no_other_client_an_object() {
    let mut primary = Primary::new();
    let (mut crashed, mut neighbour) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut crashed, &segment(1, 1000));
    // The neighbour's segment has the same name, on another host.
    let same_name = SegmentInfo {
        name: segment(1, 1).name,
        ..segment(2, 1000)
    };
    primary.mount(&mut neighbour, &same_name);
    let on = |name: &str, target: u128, primary: &mut Primary, client: &mut Caller| {
        let number = placed(&primary.start(client, name, 500).outcome).1[0].segment;
        primary.end(client, name).outcome.expect("ended");
        u128::from(number.0) + 1 == target
    };
    let mut names = Vec::new();
    for n in 0..4 {
        let name = format!("k{n}");
        let mine = on(&name, 1, &mut primary, &mut neighbour);
        names.push((name, mine));
    }
    let restarted = SegmentInfo {
        id: SegmentId(77),
        ..segment(1, 1000)
    };
    let mut again = Caller::new(3);
    primary
        .mount(&mut again, &restarted)
        .outcome
        .expect("mounted");
    primary.seal();
    let mut primary = primary.fail_over();
    for (name, on_crashed) in names {
        assert_eq!(exists(&mut primary, &name), !on_crashed, "{name}");
    }
}

#[test]
fn unmounting_hides_what_lay_there_at_once_and_sweeps_its_rows_later() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1 << 20));
    for n in 0..200 {
        primary.put(&mut client, &format!("k{n}"), 100);
    }
    let call = Call::Unmount(vec![SegmentId(1)]);
    primary.one(&mut client, call).outcome.expect("unmounted");
    assert!((0..200).all(|n| !exists(&mut primary, &format!("k{n}"))));
    assert!(primary.rows() > 200);
    let remove = primary.remove(&mut client, "k7", true);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectNotFound);

    primary.mount(&mut client, &segment(2, 1 << 20));
    primary.put(&mut client, "k7", 100);
    primary.settle();
    assert!(exists(&mut primary, "k7"));
    assert!(primary.rows() < 20, "{} rows", primary.rows());
}

#[test]
fn an_object_with_a_replica_elsewhere_outlives_its_segment() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.mount(&mut client, &segment(2, 1000));
    let call = Call::PutStart {
        objects: vec![(key("a"), 100)],
        placement: standfast_metadata::Placement {
            replicas: 2,
            preferred: Vec::new(),
            ..standfast_metadata::Placement::default()
        },
    };
    placed(&primary.one(&mut client, call).outcome);
    primary.end(&mut client, "a").outcome.expect("ended");
    let call = Call::Unmount(vec![SegmentId(1)]);
    primary.one(&mut client, call).outcome.expect("unmounted");
    primary.settle();
    let (_, _, at) = crate::support::located(&mut primary, "a").unwrap();
    assert_eq!(at.len(), 1);
    assert_eq!(at[0].0, SegmentId(2));
}

#[test]
fn only_its_owner_unmounts_a_segment_and_only_a_mounted_one() {
    let mut primary = Primary::new();
    let (mut owner, mut other) = (Caller::new(1), Caller::new(2));
    primary.mount(&mut owner, &segment(1, 1000));
    primary.one(&mut other, Call::Join).outcome.expect("joined");
    let unmount = primary.one(&mut other, Call::Unmount(vec![SegmentId(1)]));
    assert_eq!(refused(&unmount.outcome), ErrorCode::IllegalClient);
    let unmount = primary.one(&mut owner, Call::Unmount(vec![SegmentId(9)]));
    assert_eq!(refused(&unmount.outcome), ErrorCode::SegmentNotFound);
}

#[test]
fn a_segment_that_cannot_be_is_refused() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    for info in [
        segment(1, 0),
        SegmentInfo {
            base: u64::MAX - 10,
            ..segment(1, 100)
        },
        SegmentInfo {
            name: "n".repeat(1025),
            ..segment(1, 100)
        },
    ] {
        let mount = primary.mount(&mut client, &info);
        assert_eq!(refused(&mount.outcome), ErrorCode::InvalidParams);
    }
    let mount = primary.mount(&mut Caller::new(0), &segment(1, 100));
    assert_eq!(refused(&mount.outcome), ErrorCode::InvalidParams);
}
