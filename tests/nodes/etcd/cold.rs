//! An older state of etcd is put back while no node runs.

use super::{Members, start_alone};
use crate::lender::{all_exist, client, lender, objects, put_all};
use crate::regressed::failure;
use crate::support::TestCluster;

const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// A node that has stopped, after it acknowledged ten objects, and ten more that the etcd put back does not have. With
/// `snapshot` it has made one of all.
async fn put_back(snapshot: bool) -> (TestCluster, Members) {
    let (mut cluster, mut members) = start_alone("2s").await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..10, 8)).await;
    members.save();
    put_all(&client, &objects(10..20, 8)).await;
    if snapshot {
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
    }
    cluster.nodes[0].signal("TERM");
    let mut child = cluster.nodes[0].child.take().unwrap();
    assert!(child.wait().await.unwrap().success());
    members.put_back().await;
    (cluster, members)
}

/// It forgets all that it kept by itself.
fn empty(cluster: &TestCluster) {
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn h19_a_node_started_on_an_older_etcd_knows_by_its_high_water_mark() {
    let (mut cluster, _members) = put_back(false).await;
    cluster.nodes[0].start();
    let told = failure(&cluster).await;
    assert!(told.contains("the log went backwards"), "{told}");
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h19_an_empty_node_started_on_an_older_etcd_knows_by_the_catalog() {
    let (mut cluster, _members) = put_back(true).await;
    empty(&cluster);
    cluster.nodes[0].start();
    let told = failure(&cluster).await;
    assert!(told.contains("the log went backwards"), "{told}");
    cluster.nodes[0].kill().await;
}

/// There is nothing left that knows better: docs/etcd.md says so.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_node_on_an_older_etcd_without_newer_snapshots_serves_what_was_put_back() {
    let (mut cluster, _members) = put_back(false).await;
    empty(&cluster);
    cluster.nodes[0].start();
    let client = client(&cluster, PATIENCE).await;
    all_exist(&client, &objects(0..10, 8)).await;
    let found = client
        .exists(&crate::lender::keys(&objects(10..20, 8)))
        .await
        .unwrap();
    assert!(found.iter().all(|found| *found == Ok(false)), "{found:?}");
    put_all(&client, &objects(20..30, 8)).await;
    cluster.verify_log().await;
}
