//! The end of a term in `[recovery] mode = "snapshot"`: in order, it loses nothing, whatever comes in between.

use std::fs;
use std::time::Duration;

use crate::lender::{all_exist, lender, objects, put_all};
use crate::snapshot_mode::{primary, set_quota, start};
use crate::support::{TestCluster, in_sync};

const PATIENCE: Duration = Duration::from_mins(1);

/// Puts something in its place that is no directory, or it would be made again, empty.
fn take_bucket(cluster: &TestCluster) {
    let bucket = cluster.dir.path().join("bucket");
    fs::rename(&bucket, cluster.dir.path().join("aside")).unwrap();
    fs::write(&bucket, "no directory").unwrap();
}

fn give_bucket_back(cluster: &TestCluster) {
    let bucket = cluster.dir.path().join("bucket");
    fs::remove_file(&bucket).unwrap();
    fs::rename(cluster.dir.path().join("aside"), bucket).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_who_switch_over_at_once_lose_nothing() {
    let mut cluster = start(&["a", "b"]).await;
    let load = cluster.load(91).await;
    for _ in 0..4 {
        load.acknowledged_more(200).await;
        let leader = cluster.leader().await;
        let to = if leader == "a" { "b" } else { "a" };
        let words = ["switchover", "--to", to];
        let node = &*cluster.node(&leader);
        let (one, other) = tokio::join!(node.command(&words), node.command(&words));
        let good = [&one, &other].map(|asked| asked.status.success());
        assert!(good.contains(&true), "{one:?} {other:?}");
        cluster
            .until("both in sync", |status| in_sync(status) == 2)
            .await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    for node in &cluster.nodes {
        let log = node.log_text();
        assert!(!log.contains("is lost"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_snapshot_that_fails_is_tried_again_until_the_bucket_is_back() {
    let mut cluster = start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..100, 8)).await;
    take_bucket(&cluster);
    cluster.nodes[0].signal("TERM");
    let mut child = cluster.nodes[0].child.take().unwrap();
    while !cluster.nodes[0].log_text().contains("trying again") {
        let ended = child.try_wait().unwrap();
        assert_eq!(ended, None, "{}", cluster.nodes[0].log_text());
        tokio::task::yield_now().await;
    }
    give_bucket_back(&cluster);
    assert!(child.wait().await.unwrap().success());
    cluster.nodes[0].start();
    cluster
        .until("it to lead", |status| primary(status).is_some())
        .await;
    all_exist(&client, &objects(0..100, 8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_cannot_read_the_catalog_is_not_in_sync() {
    let cluster = start(&["a", "b"]).await;
    let count = async |count| {
        let what = format!("{count} in sync");
        cluster
            .until(&what, |status| in_sync(status) == count)
            .await;
    };
    count(2).await;
    take_bucket(&cluster);
    set_quota(&cluster, "not in any snapshot").await;
    count(1).await;
    give_bucket_back(&cluster);
    count(2).await;
}
