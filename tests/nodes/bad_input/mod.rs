//! What a node and its clients hear who were given something wrong: an error that names the thing, the value and the
//! way out, and nothing that was acknowledged is lost.

mod full_disk;
mod requests;
mod start;
mod storage;

use std::time::Duration;

use bytes::Bytes;
use standfast_metadata::{
    ClientOptions, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo,
};

use crate::support::{TestCluster, TestNode};

/// Starts a node that must refuse: exit code 1, and what it said.
async fn refusal(node: &TestNode) -> String {
    let serve = node.command(&["serve"]);
    let output = tokio::time::timeout(Duration::from_secs(20), serve).await;
    let output = output.expect("it refuses, and does not serve");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    told
}

/// Replaces `from` in the node's configuration.
fn edit(node: &TestNode, from: &str, to: &str) {
    let text = std::fs::read_to_string(&node.config).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(&node.config, text.replace(from, to)).unwrap();
}

/// A client that lends a segment in which everything finds room.
async fn lender(cluster: &TestCluster, deadline: Duration) -> MetadataClient {
    let client = client(cluster, deadline).await;
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        name: "lent".to_owned(),
        endpoint: "lender.invalid:1".to_owned(),
        base: 1 << 32,
        size: 1 << 40,
        protocol: "none".to_owned(),
    };
    client.mount_segment(&segment).await.unwrap().unwrap();
    client
}

async fn client(cluster: &TestCluster, deadline: Duration) -> MetadataClient {
    let mut options = ClientOptions::default();
    options.deadline = deadline;
    MetadataClient::connect(&cluster.endpoints(), options)
        .await
        .unwrap()
}

/// Objects whose keys are numbers, padded to a length.
fn objects(numbers: std::ops::Range<usize>, length: usize) -> Vec<PutObject> {
    let object = |number| PutObject {
        key: Bytes::from(format!("{number:0>length$}")),
        size: 64,
        checksum: None,
    };
    numbers.map(object).collect()
}

fn keys(objects: &[PutObject]) -> Vec<Bytes> {
    objects.iter().map(|object| object.key.clone()).collect()
}

/// Puts all, and is sure that each was acknowledged.
async fn put_all(client: &MetadataClient, objects: &[PutObject]) {
    let results = client.put(objects, &Placement::default()).await.unwrap();
    assert_eq!(results.len(), objects.len());
    for result in results {
        result.unwrap();
    }
}

/// Every one of them is there.
async fn all_exist(client: &MetadataClient, objects: &[PutObject]) {
    let found = client.exists(&keys(objects)).await.unwrap();
    assert_eq!(found.len(), objects.len());
    assert!(found.into_iter().all(|found| found == Ok(true)));
}
