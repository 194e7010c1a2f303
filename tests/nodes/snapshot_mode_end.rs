//! The end of a term in `[recovery] mode = "snapshot"`: in order, it loses nothing, whatever comes in between.

use std::fs;
use std::time::Duration;

use crate::lender::{all_exist, lender, objects, put_all};
use crate::snapshot_mode::{primary, start};
use crate::support::in_sync;

const PATIENCE: Duration = Duration::from_mins(1);

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
    let bucket = cluster.dir.path().join("bucket");
    let aside = cluster.dir.path().join("aside");
    fs::rename(&bucket, &aside).unwrap();
    // Or it would be made again, empty.
    fs::write(&bucket, "no directory").unwrap();
    cluster.nodes[0].signal("TERM");
    let mut child = cluster.nodes[0].child.take().unwrap();
    while !cluster.nodes[0].log_text().contains("trying again") {
        let ended = child.try_wait().unwrap();
        assert_eq!(ended, None, "{}", cluster.nodes[0].log_text());
        tokio::task::yield_now().await;
    }
    fs::remove_file(&bucket).unwrap();
    fs::rename(&aside, &bucket).unwrap();
    assert!(child.wait().await.unwrap().success());
    cluster.nodes[0].start();
    cluster
        .until("it to lead", |status| primary(status).is_some())
        .await;
    all_exist(&client, &objects(0..100, 8)).await;
}
