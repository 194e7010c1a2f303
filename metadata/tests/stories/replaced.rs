//! Two clients that lend under the same name at the same endpoint: the later one stays.

use bytes::Bytes;
use standfast_metadata::{
    Call, ClientOptions, ErrorCode, MetadataClient, Placement, PutObject, ReMount, SegmentId,
    SegmentInfo,
};

use crate::support::{Caller, Node, Primary, exists, refused, segment};

/// What a later process lends in place of segment 1.
fn later() -> SegmentInfo {
    SegmentInfo {
        id: SegmentId(77),
        ..segment(1, 1000)
    }
}

fn again(info: SegmentInfo) -> Call {
    Call::ReMount(ReMount {
        segment: info,
        claims: Vec::new(),
        first: true,
        last: true,
    })
}

/// A primary with `a` in the segment of client 2, which took the place of client 1's.
fn replaced() -> (Primary, Caller, Caller) {
    let mut primary = Primary::new();
    let (mut first, mut second) = (Caller::new(1), Caller::new(2));
    let mount = primary.mount(&mut first, &segment(1, 1000));
    mount.outcome.expect("mounted");
    let mount = primary.mount(&mut second, &later());
    mount.outcome.expect("the later one wins");
    primary.put(&mut second, "a", 100);
    (primary, first, second)
}

#[test]
fn who_was_replaced_never_takes_the_place_back_and_hears_who_has_it() {
    let (mut primary, mut first, _) = replaced();
    for info in [
        segment(1, 1000),
        SegmentInfo {
            incarnation: 3,
            ..later()
        },
    ] {
        let mount = primary.one(&mut first, again(info)).outcome;
        assert_eq!(refused(&mount), ErrorCode::SegmentAlreadyExists);
        let holder = Caller::new(2).id.to_string();
        assert!(mount.unwrap_err().message.contains(&holder));
    }
    assert!(exists(&mut primary, "a"));
}

#[test]
fn a_process_that_stood_still_until_it_expired_does_not_replace_its_successor() {
    let mut primary = Primary::new();
    let (mut thawed, mut second) = (Caller::new(1), Caller::new(2));
    let mount = primary.mount(&mut thawed, &segment(1, 1000));
    mount.outcome.expect("mounted");
    for _ in 0..12 {
        primary.pass(1000);
        primary.settle();
    }
    primary.mount(&mut second, &later()).outcome.expect("free");
    primary.put(&mut second, "a", 100);
    let calls = [again(segment(1, 1000)), Call::Mount(vec![segment(1, 1000)])];
    for call in calls {
        let mount = primary.one(&mut thawed, call);
        assert_eq!(refused(&mount.outcome), ErrorCode::SegmentAlreadyExists);
    }
    assert!(exists(&mut primary, "a"));
}

#[test]
fn nobody_gives_up_for_one_that_was_not_heard_of_in_this_term() {
    let (mut primary, mut first, second) = replaced();
    primary.seal();
    primary.change_leader();
    let mount = primary.one(&mut first, again(segment(1, 1000)));
    assert_eq!(refused(&mount.outcome), ErrorCode::SegmentNotFound);
    assert!(primary.ping(&second));
    let mount = primary.one(&mut first, again(segment(1, 1000)));
    assert_eq!(refused(&mount.outcome), ErrorCode::SegmentAlreadyExists);

    primary.change_leader();
    for _ in 0..12 {
        primary.pass(1000);
        primary.ping(&first);
        primary.settle();
    }
    let mount = primary.one(&mut first, again(segment(1, 1000)));
    mount.outcome.expect("the other one is gone");
}

#[tokio::test]
async fn a_client_that_was_replaced_stops_lending_and_says_by_whom() {
    let node = Node::start();
    let connect = || {
        MetadataClient::connect(
            std::slice::from_ref(&node.address),
            ClientOptions::default(),
        )
    };
    let (first, second) = (connect().await.unwrap(), connect().await.unwrap());
    first
        .mount_segment(&segment(1, 1000))
        .await
        .unwrap()
        .unwrap();
    second.mount_segment(&later()).await.unwrap().unwrap();
    second.ping().await.unwrap();
    let object = PutObject {
        key: Bytes::from_static(b"a"),
        size: 100,
        checksum: None,
    };
    let put = second.put(&[object], &Placement::default()).await;
    put.unwrap().remove(0).unwrap();

    let replaced = first.until_replaced().await;
    assert_eq!(replaced.len(), 1);
    assert_eq!(replaced[0].name, segment(1, 1000).name);
    let message = &replaced[0].message;
    assert!(message.contains(&second.id().to_string()), "{message}");
    for client in [&first, &second] {
        assert!(!client.ping().await.unwrap().remounted);
    }
    let keys = [Bytes::from_static(b"a")];
    assert_eq!(second.exists(&keys).await.unwrap(), [Ok(true)]);
}
