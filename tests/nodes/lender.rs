//! Clients that lend memory and put objects into it.

use std::time::Duration;

use bytes::Bytes;
use standfast_metadata::{
    ClientOptions, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo,
};

use crate::support::TestCluster;

/// A client that lends a segment in which everything finds room.
pub(crate) async fn lender(cluster: &TestCluster, deadline: Duration) -> MetadataClient {
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

pub(crate) async fn client(cluster: &TestCluster, deadline: Duration) -> MetadataClient {
    let mut options = ClientOptions::default();
    options.deadline = deadline;
    MetadataClient::connect(&cluster.endpoints(), options)
        .await
        .unwrap()
}

/// Objects whose keys are numbers, padded to a length.
pub(crate) fn objects(numbers: std::ops::Range<usize>, length: usize) -> Vec<PutObject> {
    let object = |number| PutObject {
        key: Bytes::from(format!("{number:0>length$}")),
        size: 64,
        checksum: None,
    };
    numbers.map(object).collect()
}

pub(crate) fn keys(objects: &[PutObject]) -> Vec<Bytes> {
    objects.iter().map(|object| object.key.clone()).collect()
}

/// Puts all, and is sure that each was acknowledged.
pub(crate) async fn put_all(client: &MetadataClient, objects: &[PutObject]) {
    let results = client.put(objects, &Placement::default()).await.unwrap();
    assert_eq!(results.len(), objects.len());
    for result in results {
        result.unwrap();
    }
}

/// Every one of them is there.
pub(crate) async fn all_exist(client: &MetadataClient, objects: &[PutObject]) {
    let found = client.exists(&keys(objects)).await.unwrap();
    assert_eq!(found.len(), objects.len());
    assert!(found.into_iter().all(|found| found == Ok(true)));
}
