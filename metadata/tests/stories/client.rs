use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use standfast_core::ErrorKind;
use standfast_metadata::{
    ClientOptions, ErrorCode, HeldObject, Holdings, MetadataClient, Placement, PutObject,
    SegmentId, Traits, TransferKind,
};

use crate::support::{Node, segment};

fn client_options() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.deadline = Duration::from_secs(20);
    options
}

fn object(key: &str) -> PutObject {
    PutObject {
        key: Bytes::copy_from_slice(key.as_bytes()),
        size: 100,
        checksum: Some(7),
    }
}

#[tokio::test]
async fn a_client_follows_the_primary() {
    let (a, b) = (Node::start(), Node::start());
    b.local.step_down(Some(&a.address));
    // It knows only the standby, and hears of the primary from it.
    let endpoints = [b.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    client
        .mount_segment(&segment(1, 1 << 20))
        .await
        .unwrap()
        .unwrap();
    let put = client
        .put(&[object("x")], &Placement::default())
        .await
        .unwrap();
    assert_eq!(put[0].as_ref().unwrap().replicas.len(), 1);
    assert_eq!(client.primary(), Some(a.address.clone()));

    b.local.lead();
    a.local.step_down(Some(&b.address));
    client
        .mount_segment(&segment(2, 1 << 20))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(client.primary(), Some(b.address.clone()));
}

#[tokio::test]
async fn a_client_asks_again_with_the_same_request_id_when_the_outcome_is_in_doubt() {
    let node = Node::start();
    let endpoints = [node.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    client
        .mount_segment(&segment(1, 1 << 20))
        .await
        .unwrap()
        .unwrap();
    for kind in [ErrorKind::Unknown, ErrorKind::Busy, ErrorKind::Unavailable] {
        node.local.doubts.lock().push(kind.clone());
        let key = format!("after {}", kind.name());
        let put = client
            .put(&[object(&key)], &Placement::default())
            .await
            .unwrap();
        put[0].as_ref().expect("executed once, answered twice");
    }
    let keys = [
        Bytes::from_static(b"after unknown"),
        Bytes::from_static(b"none"),
    ];
    let exist = client.exists(&keys).await.unwrap();
    assert_eq!(exist, [Ok(true), Ok(false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_leaves_a_frozen_primary_whose_connections_stay_open() {
    let (a, b) = (Node::start(), Node::start());
    b.local.step_down(Some(&a.address));
    let endpoints = [a.address.clone(), b.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    client
        .mount_segment(&segment(1, 1 << 20))
        .await
        .unwrap()
        .unwrap();

    let thaw = a.freeze();
    b.local.lead();
    let mount = client.mount_segment(&segment(2, 1 << 20)).await;
    mount.unwrap().unwrap();
    assert_eq!(client.primary(), Some(b.address.clone()));
    drop(thaw);
}

#[tokio::test]
async fn a_client_the_master_has_forgotten_mounts_again_what_it_lends() {
    let node = Node::start();
    let endpoints = [node.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    client
        .mount_segment(&segment(1, 1 << 20))
        .await
        .unwrap()
        .unwrap();
    {
        let mut primary = node.local.primary.lock();
        for _ in 0..12 {
            primary.pass(1000);
            primary.settle();
        }
        primary.seal();
    }
    let put = async || {
        let put = client.put(&[object("x")], &Placement::default()).await;
        put.unwrap().remove(0)
    };
    let held_back = put().await.unwrap_err();
    assert_eq!(ErrorCode::of(&held_back), ErrorCode::NoAvailableHandle);
    for _ in 0..120 {
        {
            let mut primary = node.local.primary.lock();
            primary.pass(5000);
            primary.settle();
            primary.seal();
        }
        assert!(!client.ping().await.unwrap().remounted, "it is mounted");
    }
    put().await.expect("nobody can be writing there any more");
    let unmount = client.unmount_segment(SegmentId(1)).await.unwrap();
    unmount.expect("it was mounted");
    assert!(!client.ping().await.unwrap().remounted);
}

#[tokio::test]
async fn what_a_client_lends_is_held_back_from_a_master_that_never_knew_it() {
    let (a, b) = (Node::start(), Node::start());
    b.local.step_down(Some(&a.address));
    let endpoints = [a.address.clone(), b.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    let lent = segment(1, 1 << 20);
    client.mount_segment(&lent).await.unwrap().unwrap();
    let first = client.put(&[object("x")], &Placement::default()).await;
    first.unwrap().remove(0).expect("placed by the first");

    // The successor has lost all of it.
    b.local.lead();
    a.local.step_down(Some(&b.address));
    assert!(client.ping().await.unwrap().remounted);
    let put = client.put(&[object("y")], &Placement::default()).await;
    let held_back = put.unwrap().remove(0).unwrap_err();
    assert_eq!(ErrorCode::of(&held_back), ErrorCode::NoAvailableHandle);
}

#[derive(Debug)]
struct OneObject;

impl Holdings for OneObject {
    fn held(&self) -> Vec<HeldObject> {
        let object = HeldObject {
            tenant: String::new(),
            key: Bytes::from_static(b"x"),
            address: segment(1, 1).base + 4096,
            size: 100,
            checksum: Some(7),
            traits: Traits::default(),
        };
        vec![object]
    }
}

#[tokio::test]
async fn a_client_the_master_has_forgotten_says_what_it_still_holds() {
    let node = Node::start();
    let endpoints = [node.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    let info = segment(1, 1 << 20);
    let mount = client.mount_holding(&info, Arc::new(OneObject)).await;
    mount.unwrap().unwrap();
    let keys = [Bytes::from_static(b"x")];
    assert_eq!(client.exists(&keys).await.unwrap(), [Ok(false)]);
    {
        let mut primary = node.local.primary.lock();
        for _ in 0..12 {
            primary.pass(1000);
            primary.settle();
        }
        primary.seal();
    }
    assert!(client.ping().await.unwrap().remounted);
    let found = client.get_replicas(&keys).await.unwrap();
    let found = found[0].clone().unwrap().unwrap();
    assert_eq!(found.checksum, Some(7));
    assert_eq!(found.replicas[0].address, info.base + 4096);
    let told = client.remount_segment(&info, &OneObject.held()).await;
    assert_eq!(told.unwrap().unwrap().restored, 1, "it is mounted");
}

#[tokio::test]
async fn a_client_copies_and_moves() {
    let node = Node::start();
    let endpoints = [node.address.clone()];
    let client = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    for n in 1..=3 {
        let lent = segment(n, 1 << 20);
        client.mount_segment(&lent).await.unwrap().unwrap();
    }
    let prefer = Placement {
        preferred: vec!["node-1".to_owned()],
        ..Placement::default()
    };
    client.put(&[object("x")], &prefer).await.unwrap();
    let keys = [Bytes::from_static(b"x"), Bytes::from_static(b"absent")];
    let copied = client
        .transfer(TransferKind::Copy, &keys, None, &[SegmentId(2)])
        .await
        .unwrap();
    let copy = copied[0].as_ref().unwrap();
    assert_eq!(copy.source.segment.name, "node-1");
    assert_eq!(copy.targets[0].segment.name, "node-2");
    assert!(copied[1].is_err(), "it is not there");

    let (from, to) = (Some(SegmentId(1)), [SegmentId(3)]);
    let moves = client.transfer_start(TransferKind::Move, &keys[..1], from, &to);
    moves.await.unwrap()[0].as_ref().unwrap();
    let revoked = client.transfer_revoke(TransferKind::Move, &keys[..1]);
    assert_eq!(revoked.await.unwrap(), [Ok(())]);
    let moved = client.transfer(TransferKind::Move, &keys[..1], from, &to);
    moved.await.unwrap()[0].as_ref().unwrap();
    let found = client.get_replicas(&keys[..1]).await.unwrap();
    let found = found[0].clone().unwrap().unwrap();
    let names = found.replicas.iter().map(|at| at.segment.name.clone());
    assert_eq!(names.collect::<Vec<_>>(), ["node-2", "node-3"]);
}

#[tokio::test]
async fn a_client_that_only_reads_need_not_be_known() {
    let node = Node::start();
    let endpoints = [node.address.clone()];
    let reader = MetadataClient::connect(&endpoints, client_options())
        .await
        .unwrap();
    assert_eq!(
        reader.exists(&[Bytes::from_static(b"a")]).await.unwrap(),
        [Ok(false)]
    );
    assert!(!reader.ping().await.unwrap().remounted);
    assert_eq!(node.local.primary.lock().machine.applied().0, 0);
}
