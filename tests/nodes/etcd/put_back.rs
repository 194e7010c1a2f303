//! An older state of etcd is put back under a cluster that has gone on.

use std::time::Duration;

use tokio::time::Instant;

use super::start;
use crate::node::TestNode;

/// What a node says that has seen more than the log has.
const REGRESSED: &str = "the log went backwards";

async fn until_it_says(node: &TestNode, what: &str) {
    let give_up = Instant::now() + Duration::from_mins(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while !node.log_text().contains(what) {
        assert!(Instant::now() < give_up, "{what}: {}", node.log_text());
        ticks.tick().await;
    }
}

/// Who has seen more says so, and says it again after it was killed.
#[tokio::test(flavor = "multi_thread")]
async fn h19_an_older_etcd_that_is_put_back_is_served_by_nobody() {
    let (mut cluster, mut members) = start("2s").await;
    let load = cluster.load(48).await;
    load.acknowledged_more(500).await;
    members.save();
    load.acknowledged_more(500).await;
    members.put_back().await;
    for node in &cluster.nodes {
        until_it_says(node, REGRESSED).await;
    }
    for node in &mut cluster.nodes {
        node.kill().await;
        std::fs::remove_file(&node.log).unwrap();
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    for node in &cluster.nodes {
        until_it_says(node, REGRESSED).await;
    }
}
