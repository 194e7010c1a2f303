use std::time::Duration;

use serde_json::Value;

use crate::bad_input::edit;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::node::TestNode;
use crate::support::TestCluster;

async fn asked(node: &TestNode, words: &[&str]) -> Value {
    let output = node.command(&[words, &["-o", "json"]].concat()).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn listed(node: &TestNode) -> Vec<Value> {
    let listed = asked(node, &["snapshot", "list"]).await;
    listed["snapshots"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_prunes_by_the_limits_of_the_configuration_that_is_named() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..800, 32);
    // So many each time that every snapshot is a base.
    for more in [&puts[..200], &puts[200..400], &puts[400..]] {
        put_all(&client, more).await;
        asked(&cluster.nodes[0], &["snapshot", "create"]).await;
    }
    cluster
        .until("the newest to be verified", |status| {
            let node = &status.nodes[0];
            node.verified_seq == node.snapshot_seq
        })
        .await;
    let node = &cluster.nodes[0];
    let before = listed(node).await;
    assert_eq!(before.len(), 3, "as many as are kept by default");
    edit(node, "[snapshots]", "[snapshots]\nkeep = 1");

    let trial = asked(node, &["snapshot", "prune", "--dry-run"]).await;
    assert_eq!(trial["retired"][0]["id"], before[0]["id"], "{trial:#}");
    assert_eq!(trial["bytes"], before[0]["bytes"], "{trial:#}");
    assert_eq!(listed(node).await, before);

    let pruned = asked(node, &["snapshot", "prune"]).await;
    assert_eq!(pruned["retired"], trial["retired"]);
    assert_ne!(pruned["deleted_objects"], 0);
    assert_eq!(listed(node).await, before[1..], "two verified ones stay");
    all_exist(&client, &puts).await;

    cluster.nodes[0].kill().await;
    let refused = cluster.nodes[0].command(&["snapshot", "prune"]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}
