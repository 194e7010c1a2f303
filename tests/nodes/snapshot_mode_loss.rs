//! `[recovery] mode = "snapshot"`: the newest snapshot is damaged, or was given up.

use std::fs;

use standfast::node::ClusterStatus;

use crate::snapshot_mode::{primary, quotas, set_quota, start, told};
use crate::support::{TestCluster, in_sync};

/// `a` leads with two snapshots, and `b` has restored both; the name of the newest.
async fn with_two_snapshots() -> (TestCluster, String) {
    let mut cluster = start(&["a", "b"]).await;
    if cluster.leader().await == "b" {
        cluster.nodes.reverse();
    }
    set_quota(&cluster, "first").await;
    snapshot(&cluster).await;
    set_quota(&cluster, "second").await;
    let newest = snapshot(&cluster).await;
    (cluster, newest)
}

/// Makes a snapshot, waits until both have it, and tells its name.
async fn snapshot(cluster: &TestCluster) -> String {
    let made = told(&cluster.nodes[0], &["snapshot", "create"]).await;
    cluster
        .until("both to have the snapshot", |status| {
            let mut nodes = status.nodes.iter();
            in_sync(status) == 2
                && nodes.all(|node| Some(node.applied_seq.0) >= made["seq"].as_u64())
        })
        .await;
    made["id"].as_str().unwrap().to_owned()
}

fn damage(cluster: &TestCluster, snapshot: &str) {
    let manifest = format!("bucket/test/manifests/{snapshot}.json");
    fs::remove_file(cluster.dir.path().join(manifest)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_cannot_restore_the_newest_snapshot_waits_for_the_leaders_next_one() {
    let (mut cluster, newest) = with_two_snapshots().await;
    cluster.nodes[1].kill().await;
    damage(&cluster, &newest);
    cluster.nodes[1].start();
    let b = &cluster.nodes[1];
    let tried = |_: &ClusterStatus| {
        b.log_text()
            .contains(&format!("{newest} cannot be restored"))
    };
    cluster.until("b to try the newest", tried).await;

    set_quota(&cluster, "third").await;
    snapshot(&cluster).await;
    cluster.nodes[0].kill().await;
    cluster
        .until("b to lead", |status| primary(status).is_some())
        .await;
    assert_eq!(quotas(&cluster).await, ["first", "second", "third"]);
}
