//! Keys under our prefix that somebody else has put there.

use std::time::Duration;

use etcd_client::Client;
use standfast_metadata::MetadataClient;

use super::{Members, start_alone};
use crate::bad_input::refusal;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::metric::metric;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);
/// Under it is everything.
const ROOT: &str = "/standfast/test";

const FLOOR: &str = "standfast_oplog_floor_seq";
const TRIM_FAILURES: &str = "standfast_trim_failures_total";

/// A node with some objects in its log, and a door to its etcd.
async fn start() -> (TestCluster, Members, MetadataClient, Client) {
    let (cluster, members) = start_alone("2s").await;
    let client = lender(&cluster, PATIENCE).await;
    for n in 0..10 {
        put_all(&client, &objects(n..n + 1, 8)).await;
    }
    let etcd = Client::connect(&members.endpoints, None).await.unwrap();
    (cluster, members, client, etcd)
}

async fn put(etcd: &mut Client, key: &str) -> String {
    let key = format!("{ROOT}/{key}");
    etcd.put(key.as_str(), "foreign", None).await.unwrap();
    key
}

async fn is_untouched(etcd: &mut Client, key: &str) {
    let found = etcd.get(key, None).await.unwrap();
    assert_eq!(found.kvs()[0].value(), b"foreign", "{key}");
}

/// Makes objects and snapshots until this counts something: the first entries were trimmed, or could not be.
async fn snapshots_until(cluster: &TestCluster, client: &MetadataClient, name: &str) {
    // A log begins with 1.
    let (first, least) = if name == FLOOR {
        (100, 2.0)
    } else {
        (200, 1.0)
    };
    for n in first..first + 40 {
        put_all(client, &objects(n..n + 1, 8)).await;
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
        if metric(&cluster.nodes[0], name).await >= Some(least) {
            return;
        }
    }
    panic!("{name}: {}", cluster.nodes[0].log_text());
}

/// Stops and starts it.
async fn start_again(cluster: &mut TestCluster) {
    cluster.nodes[0].kill().await;
    cluster.nodes[0].start();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_beside_those_of_batches_are_neither_read_nor_removed() {
    let (mut cluster, _members, client, mut etcd) = start().await;
    let mut keys = Vec::new();
    for beside in ["oplog/xyz", "oplog/fence-2", "oplog-heads", "others/1"] {
        keys.push(put(&mut etcd, beside).await);
    }
    start_again(&mut cluster).await;
    put_all(&client, &objects(20..30, 8)).await;
    snapshots_until(&cluster, &client, FLOOR).await;
    for key in &keys {
        is_untouched(&mut etcd, key).await;
    }
    cluster.verify_log().await;
}

/// What is read begins behind the batch before it. A trim would take it away with its neighbours.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_among_the_batches_is_passed_over_and_no_trim_takes_it_away() {
    let (mut cluster, _members, client, mut etcd) = start().await;
    // Twenty digits and one more: it lies between two batches.
    let key = put(&mut etcd, "oplog/000000000000000000050").await;
    snapshots_until(&cluster, &client, TRIM_FAILURES).await;
    let told = cluster.nodes[0].log_text();
    assert!(told.contains(&key), "{told}");
    is_untouched(&mut etcd, &key).await;
    start_again(&mut cluster).await;
    all_exist(&client, &objects(0..10, 8)).await;
    cluster.verify_log().await;

    etcd.delete(key, None).await.unwrap();
    snapshots_until(&cluster, &client, FLOOR).await;
    cluster.verify_log().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_key_that_is_none_of_ours_is_refused_by_its_name_and_left_where_it_is() {
    let (mut cluster, _members, _, mut etcd) = start().await;
    cluster.nodes[0].kill().await;
    let key = put(&mut etcd, "leader").await;
    let told = refusal(&cluster.nodes[0]).await;
    assert!(told.contains(&key), "{told}");
    is_untouched(&mut etcd, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_among_the_nodes_is_told_by_its_name_and_keeps_nobody_from_leading() {
    let (mut cluster, _members, client, mut etcd) = start().await;
    let key = put(&mut etcd, "nodes/garbage").await;
    start_again(&mut cluster).await;
    put_all(&client, &objects(20..30, 8)).await;
    is_untouched(&mut etcd, &key).await;
    let status = cluster.nodes[0].command(&["status"]).await;
    let told = format!("{status:?}");
    assert!(told.contains(&key), "{told}");
}
