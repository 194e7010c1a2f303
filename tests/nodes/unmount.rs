use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use standfast_metadata::{MetadataClient, Placement, SegmentId, SegmentInfo};
use tokio::time::{Instant, interval, timeout};

use crate::lender::{client, keys, objects};
use crate::node::standfast;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

async fn lend(client: &MetadataClient, name: &str) {
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        name: name.to_owned(),
        endpoint: format!("{name}.invalid:1"),
        base: 1 << 32,
        size: 1 << 30,
        protocol: "none".to_owned(),
    };
    client.mount_segment(&segment).await.unwrap().unwrap();
}

async fn segment(cluster: &TestCluster, words: &[&str]) -> Output {
    let mut command = standfast();
    command.arg("segment").args(words);
    command.args(["-o", "json", "--endpoint"]);
    command.arg(cluster.endpoints().join(","));
    command.output().await.unwrap()
}

/// Name and status of each segment that is lent.
async fn listed(cluster: &TestCluster) -> Vec<(String, String)> {
    let listed = segment(cluster, &["list"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| (text(&row["name"]), text(&row["status"]));
    listed.as_array().unwrap().iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_read_through_a_failover_until_its_grace_is_over() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = client(&cluster, PATIENCE).await;
    lend(&client, "leaves").await;
    lend(&client, "stays").await;
    let stored = objects(0..2, 32);
    let prefer = |name: &str| Placement {
        preferred: vec![name.to_owned()],
        ..Placement::default()
    };
    for (object, name) in stored.iter().zip(["leaves", "stays"]) {
        let put = client
            .put(std::slice::from_ref(object), &prefer(name))
            .await;
        put.unwrap().remove(0).unwrap();
    }
    let unmount = segment(&cluster, &["unmount", "leaves", "--grace", "1h"]).await;
    assert!(unmount.status.success(), "{unmount:?}");

    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    let found = client.exists(&keys(&stored)).await.unwrap();
    assert_eq!(found, [Ok(true), Ok(true)]);
    let row = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    let both = [row("leaves", "unmounting"), row("stays", "mounted")];
    assert_eq!(listed(&cluster).await, both);
    let more = objects(10..11, 32);
    let put = client.put(&more, &prefer("leaves")).await.unwrap();
    let at = put[0].as_ref().unwrap().replicas[0].segment.name.clone();
    assert_eq!(at, "stays");

    let unmount = segment(&cluster, &["unmount", "leaves", "--grace", "1s"]).await;
    assert!(unmount.status.success(), "{unmount:?}");
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = interval(Duration::from_millis(100));
    while listed(&cluster).await.len() > 1 {
        assert!(
            Instant::now() < give_up,
            "waited {PATIENCE:?} for the grace"
        );
        ticks.tick().await;
    }
    let found = client.exists(&keys(&stored)).await.unwrap();
    assert_eq!(found, [Ok(false), Ok(true)]);
    assert!(!client.ping().await.unwrap().remounted, "it was dismissed");

    let absent = segment(&cluster, &["unmount", "leaves"]).await;
    let told = String::from_utf8(absent.stderr).unwrap();
    assert!(told.contains("no segment `leaves` is mounted"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_mounts_nothing_ends_with_the_refusal() {
    let cluster = TestCluster::start(&["a"]).await;
    let mount = segment(&cluster, &["mount", "--name", "none", "--size", "0B"]);
    let refused = timeout(PATIENCE, mount).await.expect("it ends");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let error = told[0]["error"].as_str().unwrap();
    assert!(error.contains("0 bytes"), "{error}");
}
