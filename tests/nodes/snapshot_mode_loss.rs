//! `[recovery] mode = "snapshot"`: the newest snapshot is damaged, or was given up.

use std::fs;

use standfast::node::ClusterStatus;

use crate::snapshot_mode::{primary, quotas, ran, set_quota, start, told};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_had_seen_the_snapshot_that_was_given_up_says_so_before_it_passes_for_a_standby()
 {
    let (mut cluster, newest) = with_two_snapshots().await;
    until_marked(&cluster, &newest).await;
    for node in cluster.nodes.iter_mut().rev() {
        node.kill().await;
    }
    damage(&cluster, &newest);
    ran(&cluster.nodes[0], &["recover", "--accept-loss", "--yes"]).await;
    cluster.nodes[0].start();
    cluster
        .until("a to lead", |status| primary(status).is_some())
        .await;
    cluster.nodes[1].start();
    let status = cluster
        .until("b to stand still", |status| {
            let mut nodes = status.nodes.iter();
            nodes.any(|node| node.answered() && node.failure.is_some())
        })
        .await;
    assert!(primary(&status).is_some());
    let failures = status.nodes.into_iter().filter_map(|node| node.failure);
    let failure = failures.collect::<String>();
    assert!(failure.contains("recover --accept-loss"), "{failure}");

    cluster.nodes[1].kill().await;
    ran(&cluster.nodes[1], &["recover", "--accept-loss", "--yes"]).await;
    cluster.nodes[1].start();
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    cluster.nodes[0].kill().await;
    cluster
        .until("b to lead", |status| primary(status).is_some())
        .await;
    assert_eq!(quotas(&cluster).await, ["first"]);
}

/// Waits until `b` would know of the snapshot after a crash.
async fn until_marked(cluster: &TestCluster, snapshot: &str) {
    let manifest = told(&cluster.nodes[0], &["snapshot", "show", snapshot]).await;
    let seq = format!(":{}:", manifest["position"]["seq"]);
    let path = cluster.nodes[1].data_dir.join("high-water");
    let is_marked = |_: &ClusterStatus| fs::read_to_string(&path).unwrap().contains(&seq);
    cluster.until("b to keep its mark", is_marked).await;
}
