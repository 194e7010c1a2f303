use serde_json::Value;

use super::{settings, shared};
use crate::etcd::Members;
use crate::support::{TestCluster, same_state};

/// What is left of the cluster is in etcd and in the bucket.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_nothing_serves_again_from_the_bucket_and_the_log() {
    let members = Members::start();
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_etcd(&members.settings(), "2s");
    cluster.turn_to_bucket(&settings(&shared()));
    cluster.launch().await;
    let load = cluster.load(6).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
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
    cluster
        .until("b to lead", |status| same_state(status, 1))
        .await;
    let told = cluster.nodes[1].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    let replayed: Value = cluster.verify_log().await;
    let status = cluster
        .until("b to stand still", |status| same_state(status, 1))
        .await;
    let node = status.nodes.iter().find(|node| node.id.as_str() == "b");
    let node = node.unwrap();
    if replayed["to"]["seq"] == node.digest_seq.0 {
        assert_eq!(replayed["digest"], node.digest.unwrap().to_string());
    }
}
