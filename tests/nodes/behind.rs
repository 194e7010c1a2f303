//! A standby that was away until the log no longer had what it needed next: it begins again from a snapshot, by itself.

use std::fs;

use serde_json::Value;

use crate::http;
use crate::support::{RunningLoad, TestCluster, same_state};

/// `a` leads; `b` is frozen, and what it needs next was trimmed.
async fn left_behind(seed: u64) -> (TestCluster, RunningLoad) {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        // So small that trim finds whole segments.
        fs::write(&node.config, text.replace("4MiB", "64KiB")).unwrap();
    }
    cluster.launch().await;
    if cluster.leader().await == "b" {
        cluster.nodes.reverse();
    }
    let load = cluster.load(seed).await;
    cluster.nodes[1].signal("STOP");
    // Twice: a file that it has open can be read to its end after it was removed, and the next one begins there.
    for _ in 0..2 {
        trim_beyond(&cluster, &load, tail(&cluster).await).await;
    }
    (cluster, load)
}

/// Makes snapshots until the log is trimmed beyond `seq`.
async fn trim_beyond(cluster: &TestCluster, load: &RunningLoad, seq: u64) {
    let mut snapshots = 0;
    while inspect(cluster).await["floor"].as_u64().unwrap() <= seq + 1 {
        snapshots += 1;
        assert!(snapshots < 40, "never trimmed beyond {seq}");
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
        load.acknowledged_more(1000).await;
    }
}

async fn inspect(cluster: &TestCluster) -> Value {
    let words = ["oplog", "inspect", "-o", "json"];
    let output = cluster.nodes[0].command(&words).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

async fn tail(cluster: &TestCluster) -> u64 {
    inspect(cluster).await["tail"]["seq"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_thawed_behind_the_floor_comes_to_the_same_state_by_itself() {
    let (cluster, load) = left_behind(61).await;
    let b = &cluster.nodes[1];
    b.signal("CONT");
    assert_eq!(load.verdict(&cluster).await.missing, []);
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    let (_, metrics) = http::get(&b.http, "/metrics").await;
    let fell = http::value(&metrics, "standfast_fell_behind_total", &[]);
    assert_eq!(fell, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_elected_behind_the_floor_leads_only_with_the_whole_state() {
    let (mut cluster, load) = left_behind(62).await;
    cluster.nodes[0].kill().await;
    cluster.nodes[1].signal("CONT");
    load.acknowledged_more(1000).await;
    let told = cluster.nodes[1].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
    assert_eq!(load.verdict(&cluster).await.missing, []);
    cluster.nodes[0].start();
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
}
