use standfast_core::ErrorKind;
use standfast_metadata::{
    Call, ClientOptions, ErrorCode, MetadataClient, Placement, PutObject, Removal, RemovedMany,
};

use crate::support::{Caller, Node, key, segment};

async fn client(node: &Node, tenant: &str) -> MetadataClient {
    let mut options = ClientOptions::default();
    tenant.clone_into(&mut options.tenant);
    MetadataClient::connect(std::slice::from_ref(&node.address), options)
        .await
        .unwrap()
}

/// A node whose time of grace is over, with so many objects, each third of which has a key that is not packed.
async fn with_objects(count: u32) -> (Node, MetadataClient) {
    let node = Node::start();
    let client = client(&node, "default").await;
    let lent = segment(1, 1 << 40);
    client.mount_segment(&lent).await.unwrap().unwrap();
    put(&client, count).await;
    node.local.primary.lock().pass(10_000);
    (node, client)
}

fn name(n: u32) -> String {
    match n % 3 {
        0 => format!("key-{n}"),
        _ => format!("{n:032x}"),
    }
}

async fn put(client: &MetadataClient, count: u32) {
    let object = |n| PutObject {
        key: name(n).into(),
        size: 100,
        checksum: None,
    };
    let objects: Vec<_> = (0..count).map(object).collect();
    for result in client.put(&objects, &Placement::default()).await.unwrap() {
        result.unwrap();
    }
}

async fn listed(client: &MetadataClient) -> Vec<String> {
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let page = client.list_objects(b"", 0, next.as_ref()).await.unwrap();
        let texts = page.objects.into_iter().map(|object| object.key.to_vec());
        keys.extend(texts.map(|text| String::from_utf8(text).unwrap()));
        next = page.next;
        if next.is_none() {
            return keys;
        }
    }
}

async fn remove(client: &MetadataClient, which: &Removal, force: bool) -> RemovedMany {
    client.remove_many(which, force, |_| {}).await.unwrap()
}

fn removed(count: u64, skipped: &[(ErrorCode, u64)]) -> RemovedMany {
    RemovedMany {
        removed: count,
        skipped: skipped.iter().copied().collect(),
        done_permille: 1000,
    }
}

#[tokio::test]
async fn remove_all_of_8000_objects_removes_8000() {
    let (_node, client) = with_objects(8000).await;
    let mut told = Vec::new();
    let sum = client
        .remove_many(&Removal::All, false, |sum| told.push(sum.clone()))
        .await
        .unwrap();
    assert_eq!(sum, removed(8000, &[]));
    assert_eq!(listed(&client).await, Vec::<String>::new());
    assert_eq!(told.len(), 8, "pages of 1000");
    assert!(told.is_sorted_by_key(|sum| (sum.removed, sum.done_permille)));
    let segments = client.list_segments().await.unwrap();
    assert_eq!(segments[0].used, 0, "their memory is free at once");
}

#[tokio::test]
async fn what_is_leased_or_being_written_is_skipped_and_counted_and_goes_by_force() {
    let (node, client) = with_objects(3000).await;
    let read: Vec<_> = (0..7).map(|n| name(n).into()).collect();
    client.exists(&read).await.unwrap();
    {
        let mut primary = node.local.primary.lock();
        let mut writer = Caller::new(7);
        primary.one(&mut writer, Call::Join).outcome.unwrap();
        primary.start(&mut writer, "open", 100).outcome.unwrap();
        primary.seal();
    }
    let skipped = [
        (ErrorCode::ObjectHasLease, 7),
        (ErrorCode::ReplicaIsNotReady, 1),
    ];
    let sum = remove(&client, &Removal::All, false).await;
    assert_eq!(sum, removed(2993, &skipped));
    assert_eq!(listed(&client).await.len(), 8);
    let sum = remove(&client, &Removal::All, true).await;
    assert_eq!(sum, removed(8, &[]));
    assert_eq!(listed(&client).await.len(), 0);
}

#[tokio::test]
async fn only_keys_that_match_go_and_only_of_the_tenant() {
    let (node, owner) = with_objects(3000).await;
    let other = client(&node, "other").await;
    put(&other, 30).await;
    let keys = Removal::Regex("^key-[0-9]*5$".to_owned());
    let matches = |n: &u32| name(*n).starts_with("key-") && n % 10 == 5;
    let wanted = (0..3000).filter(matches).count() as u64;
    assert_eq!(remove(&owner, &keys, false).await, removed(wanted, &[]));
    let left = listed(&owner).await;
    assert_eq!(left.len() as u64, 3000 - wanted);
    assert!(!left.contains(&"key-15".to_owned()));
    assert_eq!(listed(&other).await.len(), 30);
    // Packed keys are matched as the digits they stand for, anywhere in them.
    let digits = Removal::Regex("00b".to_owned());
    let wanted = left.iter().filter(|name| name.contains("00b")).count() as u64;
    assert!(wanted > 0);
    assert_eq!(remove(&owner, &digits, false).await, removed(wanted, &[]));
}

#[tokio::test]
async fn a_regex_that_is_wrong_is_refused_and_nothing_is_removed() {
    let (_node, client) = with_objects(10).await;
    let wrong = Removal::Regex("key-(".to_owned());
    let refused = client.remove_many(&wrong, true, |_| {}).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("key-("), "{refused}");
    assert_eq!(listed(&client).await.len(), 10);
}

#[tokio::test]
async fn a_failover_in_the_middle_loses_no_object_and_counts_none_twice() {
    let (node, client) = with_objects(8000).await;
    // Executed, and the answer lost: the same page is asked for again, when its objects are gone.
    let in_doubt = || node.local.doubts.lock().push(ErrorKind::Unknown);
    in_doubt();
    let mut pages = 0;
    let sum = client
        .remove_many(&Removal::All, false, |_| {
            pages += 1;
            in_doubt();
            if pages == 3 {
                let mut primary = node.local.primary.lock();
                primary.change_leader();
                primary.pass(10_000);
            }
        })
        .await
        .unwrap();
    assert_eq!(sum, removed(8000, &[]));
    assert_eq!(listed(&client).await.len(), 0);
}

#[tokio::test]
async fn a_client_the_master_has_forgotten_is_made_known_and_removes() {
    let (node, owner) = with_objects(100).await;
    let stranger = client(&node, "default").await;
    let sum = remove(&stranger, &Removal::All, false).await;
    assert_eq!(sum, removed(100, &[]));
    drop(owner);
}

#[test]
fn an_object_that_is_gone_by_now_is_passed_over() {
    let mut primary = crate::support::Primary::new();
    let mut caller = Caller::new(1);
    primary.mount(&mut caller, &segment(1, 1 << 20));
    primary.put(&mut caller, "a", 100);
    let call = standfast_metadata::RemoveMany {
        targets: vec![key("a"), key("gone")],
        force: true,
        next: None,
    };
    let answered = primary.one(&mut caller, Call::RemoveMany(call));
    assert_eq!(answered.waits_for, primary.machine.applied());
    let page = standfast_metadata::RemovedPage::of_reply(&answered.outcome.unwrap());
    assert_eq!(page.unwrap().removed, 1);
}

#[tokio::test]
async fn after_a_promotion_every_object_counts_as_leased_for_one_lease() {
    let (node, client) = with_objects(10).await;
    {
        let mut primary = node.local.primary.lock();
        primary.seal();
        primary.change_leader();
    }
    let removed = remove(&client, &Removal::All, false).await;
    let leased = removed.skipped.get(&ErrorCode::ObjectHasLease);
    assert_eq!((removed.removed, leased), (0, Some(&10)));
    node.local.primary.lock().pass(10_000);
    let removed = remove(&client, &Removal::All, false).await;
    assert_eq!(removed.removed, 10);
}
