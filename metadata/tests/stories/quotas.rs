use bytes::Bytes;
use standfast_core::Outcome;
use standfast_metadata::{
    Answer, Call, ClientOptions, ErrorCode, MetadataClient, Placement, PutObject, Question, Quota,
    SegmentId, Target, TenantRow, TransferKind, TransferStart,
};

use crate::support::{Caller, Node, Primary, refused, segment};

fn of(name: &str) -> Target {
    Target::new(b"t", name.as_bytes())
}

fn tenant() -> Target {
    of("")
}

fn bytes(limit: u64) -> Quota {
    Quota {
        bytes: Some(limit),
        objects: None,
    }
}

/// A tenant `t` with this quota, in a cluster with room for far more.
fn with_quota(quota: Quota) -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    for n in 1..=3 {
        primary.mount(&mut client, &segment(n, 100_000));
    }
    set(&mut primary, &mut client, quota);
    primary.seal();
    (primary, client)
}

fn set(primary: &mut Primary, client: &mut Caller, quota: Quota) {
    let tenant = tenant();
    let set = primary.one(client, Call::SetQuota { tenant, quota });
    set.outcome.expect("set");
}

fn start(primary: &mut Primary, client: &mut Caller, name: &str, size: u64) -> Outcome {
    start_with(primary, client, name, size, Placement::default())
}

fn start_with(
    primary: &mut Primary,
    client: &mut Caller,
    name: &str,
    size: u64,
    placement: Placement,
) -> Outcome {
    let objects = vec![(of(name), size)];
    let call = Call::PutStart { objects, placement };
    primary.one(client, call).outcome
}

fn upsert(primary: &mut Primary, client: &mut Caller, name: &str, size: u64) -> Outcome {
    let call = Call::UpsertStart {
        objects: vec![(of(name), size)],
        placement: Placement::default(),
    };
    primary.one(client, call).outcome
}

fn end(primary: &mut Primary, client: &mut Caller, name: &str) {
    let ended = primary.one(client, Call::PutEnd(vec![(of(name), None)]));
    ended.outcome.expect("ended");
}

fn row(primary: &mut Primary) -> TenantRow {
    match primary.ask(&Question::Tenant(tenant())).0 {
        Answer::Tenant(row) => row,
        other => panic!("{other:?}"),
    }
}

fn used(primary: &mut Primary) -> (u64, u64) {
    let row = row(primary);
    (row.used_bytes, row.used_objects)
}

#[test]
fn a_put_above_the_quota_is_refused_and_says_what_is_used_allowed_and_needed() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    start(&mut primary, &mut client, "a", 700).expect("within");
    let outcome = start(&mut primary, &mut client, "b", 301);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    let text = outcome.unwrap_err().message;
    for part in ["tenant t", "700 of 1000 bytes", "1001"] {
        assert!(text.contains(part), "{text}");
    }
    start(&mut primary, &mut client, "b", 300).expect("to the last byte");
    assert_eq!(used(&mut primary), (1000, 2), "those being written count");
}

#[test]
fn every_replica_counts_and_objects_are_limited_too() {
    let (mut primary, mut client) = with_quota(Quota {
        bytes: Some(1000),
        objects: Some(2),
    });
    let two = Placement {
        replicas: 2,
        ..Placement::default()
    };
    let outcome = start_with(&mut primary, &mut client, "a", 501, two.clone());
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    start_with(&mut primary, &mut client, "a", 400, two).expect("within");
    start(&mut primary, &mut client, "b", 1).expect("within");
    let outcome = start(&mut primary, &mut client, "c", 1);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    let text = outcome.unwrap_err().message;
    assert!(text.contains("2 of 2 objects"), "{text}");
}

#[test]
fn other_tenants_are_not_limited() {
    let (mut primary, mut client) = with_quota(bytes(0));
    let outcome = start(&mut primary, &mut client, "a", 1);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    primary.put(&mut client, "a", 10_000);
}

#[test]
fn what_goes_makes_room_whichever_way_it_goes() {
    let (mut primary, mut client) = with_quota(bytes(100));
    let full = |primary: &mut Primary, client: &mut Caller| {
        let outcome = start(primary, client, "more", 1);
        assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
        assert_eq!(used(primary), (100, 1));
    };
    start(&mut primary, &mut client, "a", 100).expect("within");
    full(&mut primary, &mut client);
    let revoked = primary.one(&mut client, Call::PutRevoke(vec![of("a")]));
    revoked.outcome.expect("given up");
    assert_eq!(used(&mut primary), (0, 0));

    start(&mut primary, &mut client, "a", 100).expect("within");
    end(&mut primary, &mut client, "a");
    full(&mut primary, &mut client);
    let targets = vec![of("a")];
    let remove = Call::Remove {
        targets,
        force: true,
    };
    primary.one(&mut client, remove).outcome.expect("removed");
    assert_eq!(used(&mut primary), (0, 0));

    start(&mut primary, &mut client, "a", 100).expect("within");
    full(&mut primary, &mut client);
    // Its writer falls silent and is expired.
    for _ in 0..12 {
        primary.pass(1000);
        primary.settle();
    }
    assert_eq!(used(&mut primary), (0, 0));
}

#[test]
fn what_replaces_an_object_counts_instead_of_it() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    start(&mut primary, &mut client, "a", 900).expect("within");
    end(&mut primary, &mut client, "a");
    upsert(&mut primary, &mut client, "a", 1000).expect("instead of 900");
    end(&mut primary, &mut client, "a");
    assert_eq!(used(&mut primary), (1000, 1));
    let outcome = upsert(&mut primary, &mut client, "a", 1001);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    assert_eq!(used(&mut primary), (1000, 1));
}

#[test]
fn a_quota_below_what_is_used_takes_nothing_away_and_lets_nothing_in() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    for name in ["a", "b"] {
        start(&mut primary, &mut client, name, 300).expect("within");
        end(&mut primary, &mut client, name);
    }
    set(&mut primary, &mut client, bytes(500));
    primary.settle();
    assert_eq!(used(&mut primary), (600, 2));
    let outcome = start(&mut primary, &mut client, "c", 1);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    upsert(&mut primary, &mut client, "a", 200).expect("takes less than before");
    set(&mut primary, &mut client, Quota::default());
    start(&mut primary, &mut client, "c", 10_000).expect("no limit any more");
}

/// An object in segment 1 that was written.
fn put_into_first(primary: &mut Primary, client: &mut Caller, name: &str, size: u64) {
    let placement = Placement {
        preferred: vec!["node-1".to_owned()],
        ..Placement::default()
    };
    start_with(primary, client, name, size, placement).expect("within");
    end(primary, client, name);
}

fn copies(names: &[String], to: u128) -> Call {
    Call::TransferStart(TransferStart {
        kind: TransferKind::Copy,
        targets: names.iter().map(|name| of(name)).collect(),
        from: Some(SegmentId(1)),
        to: vec![SegmentId(to)],
    })
}

#[test]
fn a_batch_of_copies_goes_no_further_than_the_quota() {
    let (mut primary, mut client) = with_quota(bytes(1100));
    let names: Vec<_> = (0..10).map(|n| format!("k{n}")).collect();
    for name in &names {
        put_into_first(&mut primary, &mut client, name, 100);
    }
    let started = primary.call(&mut client, copies(&names, 2));
    let outcomes = started.iter().map(|started| &started.outcome);
    assert_eq!(outcomes.filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(refused(&started[9].outcome), ErrorCode::TenantQuotaExceeded);
    assert_eq!(used(&mut primary), (1100, 10), "what is copied counts");
    let outcome = start(&mut primary, &mut client, "more", 1);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
    let ended = Call::TransferEnd {
        kind: TransferKind::Copy,
        targets: vec![of("k0")],
    };
    primary.one(&mut client, ended).outcome.expect("copied");
    assert_eq!(used(&mut primary), (1100, 10));
}

#[test]
fn what_is_copied_or_moved_counts_until_that_is_over_whichever_way() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    let mut copier = Caller::new(2);
    let transfer = |kind, to| {
        Call::TransferStart(TransferStart {
            kind,
            targets: vec![of("a")],
            from: None,
            to: vec![SegmentId(to)],
        })
    };
    let targets = vec![of("a")];
    put_into_first(&mut primary, &mut client, "a", 100);
    let mut begin = |primary: &mut Primary, kind, to| {
        primary.one(&mut copier, Call::Join).outcome.expect("known");
        let started = primary.one(&mut copier, transfer(kind, to));
        started.outcome.expect("started");
        copier.clone()
    };
    // Given up.
    let mut by = begin(&mut primary, TransferKind::Copy, 2);
    assert_eq!(used(&mut primary), (200, 1));
    let revoke = Call::TransferRevoke {
        kind: TransferKind::Copy,
        targets: targets.clone(),
    };
    primary.one(&mut by, revoke).outcome.expect("given up");
    assert_eq!(used(&mut primary), (100, 1));
    // Replaced by another, in a new term, of which each has read what there is.
    begin(&mut primary, TransferKind::Copy, 2);
    primary.seal();
    primary.change_leader();
    assert_eq!(used(&mut primary), (200, 1));
    let machine = crate::snapshots::restored(&mut primary);
    let mut primary = primary.continue_with(machine);
    assert_eq!(used(&mut primary), (200, 1));
    for _ in 0..6 {
        primary.pass(5000);
        primary.ping(&client);
        primary.ping(&by);
        primary.settle();
    }
    by = begin(&mut primary, TransferKind::Move, 2);
    assert_eq!(used(&mut primary), (200, 1), "a move, until it ends");
    // Ended.
    let ended = Call::TransferEnd {
        kind: TransferKind::Move,
        targets: targets.clone(),
    };
    primary.one(&mut by, ended).outcome.expect("moved");
    assert_eq!(used(&mut primary), (100, 1));
    // Its client is gone.
    begin(&mut primary, TransferKind::Copy, 3);
    assert_eq!(used(&mut primary), (200, 1));
    for _ in 0..12 {
        primary.pass(1000);
        primary.ping(&client);
        primary.settle();
    }
    assert_eq!(used(&mut primary), (100, 1));
    // Its object is gone.
    begin(&mut primary, TransferKind::Copy, 3);
    let remove = Call::Remove {
        targets,
        force: true,
    };
    primary.one(&mut client, remove).outcome.expect("removed");
    assert_eq!(used(&mut primary), (0, 0));
}

#[test]
fn a_put_that_replaces_an_object_being_copied_counts_instead_of_both() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    put_into_first(&mut primary, &mut client, "a", 500);
    let copy = copies(&["a".to_owned()], 2);
    primary
        .one(&mut client, copy)
        .outcome
        .expect("to the last byte");
    upsert(&mut primary, &mut client, "a", 1000).expect("instead of twice 500");
    assert_eq!(used(&mut primary), (1000, 1));
}

#[test]
fn quota_and_usage_survive_a_failover_and_a_restore() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    start(&mut primary, &mut client, "a", 700).expect("within");
    end(&mut primary, &mut client, "a");
    primary.seal();
    let before = row(&mut primary);
    let digest = primary.machine.digest();

    primary.change_leader();
    assert_eq!(row(&mut primary), before);
    assert_eq!(primary.machine.digest(), digest);
    let outcome = start(&mut primary, &mut client, "b", 301);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);

    let machine = crate::snapshots::restored(&mut primary);
    let mut primary = primary.continue_with(machine);
    assert_eq!(row(&mut primary), before);
    let outcome = start(&mut primary, &mut client, "b", 301);
    assert_eq!(refused(&outcome), ErrorCode::TenantQuotaExceeded);
}

#[test]
fn the_quota_is_in_the_digest() {
    let (mut primary, mut client) = with_quota(bytes(1000));
    let limited = primary.machine.digest();
    set(&mut primary, &mut client, bytes(999));
    assert_ne!(primary.machine.digest(), limited);
    set(&mut primary, &mut client, bytes(1000));
    let rows = primary.rows();
    set(&mut primary, &mut client, Quota::default());
    assert_eq!(primary.rows(), rows - 1);
}

#[test]
fn an_answer_about_a_quota_waits_for_what_made_room() {
    let (mut primary, mut client) = with_quota(bytes(100));
    start(&mut primary, &mut client, "a", 100).expect("within");
    primary.seal();
    let committed = primary.committed();
    set(&mut primary, &mut client, bytes(200));
    let objects = vec![(of("b"), 100)];
    let placement = Placement::default();
    let call = Call::PutStart { objects, placement };
    let started = primary.one(&mut client, call);
    started.outcome.expect("within");
    assert!(started.waits_for > committed, "for the quota");
    let (_, waits_for) = primary.ask(&Question::Tenant(tenant()));
    assert_eq!(waits_for, primary.machine.applied(), "for what is used");
}

#[tokio::test]
async fn quotas_and_tenants_over_grpc() {
    let node = Node::start();
    let client = async |tenant: &str| {
        let mut options = ClientOptions::default();
        tenant.clone_into(&mut options.tenant);
        let nodes = [node.address.clone()];
        MetadataClient::connect(&nodes, options).await.unwrap()
    };
    let first = client("default").await;
    let mounted = first.mount_segment(&segment(1, 1 << 30)).await.unwrap();
    mounted.unwrap();
    let object = |size| PutObject {
        key: Bytes::from_static(b"k"),
        size,
        checksum: None,
    };
    for n in 0..5 {
        let client = client(&format!("t{n}")).await;
        client.set_quota(bytes(1000)).await.unwrap().unwrap();
        let (objects, placement) = ([object(900 + n * 50)], Placement::default());
        let put = client.put(&objects, &placement).await.unwrap().remove(0);
        assert_eq!(put.is_ok(), n <= 2, "{put:?}");
        let usage = client.quota().await.unwrap();
        assert_eq!(usage.used_objects, u64::from(n <= 2));
        assert_eq!(usage.quota, bytes(1000));
    }
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = first.list_tenants(2, after.as_deref()).await.unwrap();
        assert!(page.tenants.len() <= 2);
        names.extend(page.tenants.into_iter().map(|tenant| tenant.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["t0", "t1", "t2", "t3", "t4"]);
}
