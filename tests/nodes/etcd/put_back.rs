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

/// What they say rests on what they hold. A node that is killed and started again has its high-water mark, which is written
/// each second: what came within the last one it does not know any more.
#[tokio::test(flavor = "multi_thread")]
async fn h19_an_older_etcd_that_is_put_back_is_served_by_nobody() {
    let (cluster, mut members) = start("2s").await;
    let load = cluster.load(48).await;
    load.acknowledged_more(500).await;
    members.save();
    load.acknowledged_more(500).await;
    members.put_back().await;
    for node in &cluster.nodes {
        until_it_says(node, REGRESSED).await;
    }
}
