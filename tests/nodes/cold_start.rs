use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::{TestCluster, same_state};

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_node_serves_again_from_snapshot_and_suffix_with_the_same_digest() {
    serves_again(TestCluster::start(&["a", "b"]).await).await;
}

/// A drill says that it would do. Then both nodes are killed, and what they have of their own is deleted; one is started.
pub(crate) async fn serves_again(mut cluster: TestCluster) {
    let load = cluster.load(6).await;
    let made = cluster.nodes[0]
        .command(&["snapshot", "create", "-o", "json"])
        .await;
    assert!(made.status.success(), "{made:?}");
    load.acknowledged_more(1000).await;
    cluster
        .until("a verified snapshot", |status| {
            status.nodes.iter().any(|node| node.verified_seq.0 > 0)
        })
        .await;
    let drilled = cluster.nodes[0].command(&["drill", "-o", "json"]).await;
    let found: Value = serde_json::from_slice(&drilled.stdout).unwrap();
    assert!(
        drilled.status.success() && found["proven_seq"].is_u64(),
        "{found:#}"
    );
    for node in &mut cluster.nodes {
        node.kill().await;
        std::fs::remove_dir_all(&node.data_dir).unwrap();
    }
    cluster.nodes[1].start();
    let status = cluster
        .until("b to lead", |status| same_state(status, 1))
        .await;
    let told = cluster.nodes[1].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
    let node = status
        .nodes
        .iter()
        .find(|node| node.id.as_str() == "b")
        .unwrap();
    assert!(node.snapshot_seq < node.applied_seq);
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    // What the log replays to from its first entry, once nothing is added to it any more.
    let give_up = Instant::now() + Duration::from_mins(1);
    loop {
        let status = cluster
            .until("b to stand still", |status| same_state(status, 1))
            .await;
        let node = status.nodes.iter().find(|node| node.id.as_str() == "b");
        let node = node.unwrap();
        let replayed = cluster.verify_log().await;
        if replayed["to"]["seq"] == node.digest_seq.0 {
            assert_eq!(replayed["digest"], node.digest.unwrap().to_string());
            break;
        }
        assert!(Instant::now() < give_up, "the log goes on: {replayed:#}");
    }
}
