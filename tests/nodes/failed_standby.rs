//! A standby that stands still: it is no standby, and the primary goes on as if it were not there.

use std::fs;

use standfast::node::ClusterStatus;
use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, Chain, Epoch, Position, Seq, Store};
use standfast_standby::HighWater;

use crate::support::TestCluster;

/// The newest snapshot that the leader lists.
fn newest(status: &ClusterStatus) -> Option<Seq> {
    let leader = status.leader.as_ref()?;
    let mut nodes = status.nodes.iter();
    let node = nodes.find(|node| node.id == *leader)?;
    Some(node.snapshot_seq)
}

/// The second node, which is down, remembers another history.
async fn remembers_another_history(cluster: &TestCluster) {
    let log = FileOpLog::open(&cluster.dir.path().join("log"), ByteSize::mib(4)).unwrap();
    let fingerprint = log.fingerprint().await.unwrap().unwrap();
    let data_dir = &cluster.nodes[1].data_dir;
    fs::remove_dir_all(data_dir).unwrap();
    fs::create_dir(data_dir).unwrap();
    let mut water = HighWater::open(data_dir, fingerprint).unwrap();
    water.raise(Position {
        epoch: Epoch(1),
        seq: Seq(1),
        chain: Chain([7; 16]),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_stands_still_keeps_the_primary_from_nothing() {
    let mut cluster = TestCluster::start_with(&["a", "b"], "1s").await;
    if cluster.leader().await == "b" {
        cluster.nodes.reverse();
    }
    cluster.nodes[1].kill().await;
    remembers_another_history(&cluster).await;
    cluster.nodes[1].start();
    let stands_still = |status: &ClusterStatus| {
        let mut nodes = status.nodes.iter();
        nodes.any(|node| node.failure.is_some())
    };
    cluster.until("b to stand still", stands_still).await;

    let load = cluster.load(83).await;
    let status = cluster
        .until("a leader", |status| status.leader.is_some())
        .await;
    let before = newest(&status).unwrap();
    load.acknowledged_more(1000).await;
    let later = |status: &ClusterStatus| newest(status) > Some(before);
    cluster.until("a snapshot by the primary", later).await;
    let words = ["switchover", "--to", &cluster.nodes[1].name];
    let refused = cluster.nodes[0].command(&words).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("connected: none"), "{told}");
    assert_eq!(load.verdict(&cluster).await.missing, []);
}
