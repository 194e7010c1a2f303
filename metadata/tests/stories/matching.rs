use std::collections::BTreeSet;

use bytes::Bytes;
use standfast_core::ErrorKind;
use standfast_metadata::{ClientOptions, MetadataClient, Placement, PutObject};
use tokio::task::JoinSet;

use crate::support::{Node, segment};

const OBJECTS: u32 = 3000;

async fn client(node: &Node, tenant: &str) -> MetadataClient {
    let mut options = ClientOptions::default();
    tenant.clone_into(&mut options.tenant);
    MetadataClient::connect(std::slice::from_ref(&node.address), options)
        .await
        .unwrap()
}

async fn put(client: &MetadataClient, keys: impl Iterator<Item = String>) {
    let object = |key: String| PutObject {
        key: key.into(),
        size: 100,
        checksum: None,
    };
    let objects: Vec<_> = keys.map(object).collect();
    for result in client.put(&objects, &Placement::default()).await.unwrap() {
        result.unwrap();
    }
}

/// A node with objects of two tenants, and a client of tenant `t`.
async fn with_objects() -> (Node, MetadataClient) {
    let node = Node::start();
    let other = client(&node, "other").await;
    let lent = segment(1, 1 << 40);
    other.mount_segment(&lent).await.unwrap().unwrap();
    put(&other, (0..OBJECTS).map(|n| format!("block-{n}"))).await;
    let client = client(&node, "t").await;
    put(&client, (0..OBJECTS).map(|n| format!("block-{n}"))).await;
    put(&client, std::iter::once("a".repeat(4000))).await;
    (node, client)
}

async fn listed(client: &MetadataClient, prefix: &str, regex: &str, limit: u32) -> Vec<Bytes> {
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let page = client.list_matching(prefix.as_bytes(), regex, limit, next.as_ref());
        let page = page.await.unwrap();
        assert!(limit == 0 || page.objects.len() <= limit as usize);
        keys.extend(page.objects.into_iter().map(|object| object.key));
        next = page.next;
        if next.is_none() {
            return keys;
        }
    }
}

#[tokio::test]
async fn keys_that_match_are_listed_each_once_whatever_the_size_of_the_pages() {
    let (_node, client) = with_objects().await;
    let expected = |wanted: fn(u32) -> bool| -> BTreeSet<Bytes> {
        let wanted = (0..OBJECTS).filter(|n| wanted(*n));
        wanted.map(|n| format!("block-{n}").into()).collect()
    };
    for limit in [0, 7, 100] {
        let keys = listed(&client, "", "^block-[0-9]*7$", limit).await;
        assert_eq!(keys.len(), OBJECTS as usize / 10, "each once");
        let keys: BTreeSet<_> = keys.into_iter().collect();
        assert_eq!(keys, expected(|n| n % 10 == 7));
    }
    let keys = listed(&client, "block-29", "[05]$", 0).await;
    let keys: BTreeSet<_> = keys.into_iter().collect();
    assert_eq!(
        keys,
        expected(|n| n % 5 == 0 && n.to_string().starts_with("29"))
    );
}

#[tokio::test]
async fn a_regex_that_explodes_is_refused_with_its_reason_and_none_takes_for_ever() {
    let (_node, client) = with_objects().await;
    for (wrong, reason) in [("(", "unclosed"), ("(a{1000}){1000}", "size limit")] {
        let refused = client.list_matching(b"", wrong, 0, None).await.unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::Invalid);
        let text = refused.to_string();
        assert!(text.contains(wrong) && text.contains(reason), "{text}");
    }
    // Other engines try every way to divide 4000 letters among the two stars.
    assert!(listed(&client, "", "^(a*)*b$", 0).await.is_empty());
    assert_eq!(listed(&client, "", "^(a*)*$", 0).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_regex_finds_what_matches_and_is_no_load_once_its_callers_are_gone() {
    let (_node, client) = with_objects().await;
    // Half of the letters may begin a match, and each of those is followed for 500 letters.
    let key = |n: u64| -> String {
        let letter = |i: u64| if (n + 3) * i * i % 7 < 3 { 'a' } else { 'b' };
        format!("{n}-{}", (0..4000).map(letter).collect::<String>())
    };
    put(&client, (0..40).map(key)).await;
    put(&client, std::iter::once("a".repeat(501) + "z")).await;
    let slow = "a[ab]{500}[c-z]";

    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        callers.spawn(async move { client.list_matching(b"", slow, 0, None).await });
    }
    callers.join_next().await.unwrap().unwrap().unwrap();
    callers.shutdown().await;

    assert_eq!(listed(&client, "", "^block-7$", 0).await, ["block-7"]);
    let found = listed(&client, "", slow, 0).await;
    assert_eq!(found, ["a".repeat(501) + "z"]);
}
