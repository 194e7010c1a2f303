//! Writes that are acknowledged when the standbys' own logs have them: any standby in sync takes over, and nothing is lost.

use standfast::node::{ClusterStatus, NodeStatus};
use standfast_core::NodeId;

use crate::stream::{all_the_same, prepared_with, started};
use crate::support::TestCluster;

/// `[replication]` of each node, beside mode and founder.
fn replicates(text: &str, more: &str) -> String {
    let turned = text
        .replace(
            "failover = \"manual\"\n[oplog]",
            "[oplog]\nack = \"replicated\"",
        )
        .replace(
            "mode = \"stream\"\n",
            &format!("mode = \"stream\"\n{more}\n"),
        );
    assert!(turned.contains("ack = \"replicated\""), "{turned}");
    turned
}

async fn start(names: &[&str], more: &str) -> TestCluster {
    let mut cluster =
        started(prepared_with(names, "4MiB", |text| replicates(text, more)).await).await;
    is_set(&mut cluster, names).await;
    cluster
}

fn primary(status: &ClusterStatus) -> Option<&NodeStatus> {
    let leader = status.leader.as_ref()?;
    status.nodes.iter().find(|node| node.id == *leader)
}

fn set(status: &ClusterStatus) -> Vec<&str> {
    primary(status).map_or_else(Vec::new, |primary| {
        primary.in_sync_set.iter().map(NodeId::as_str).collect()
    })
}

/// Waits until the primary acknowledges what just these nodes have.
async fn is_set(cluster: &mut TestCluster, names: &[&str]) {
    let what = format!("the in-sync set {names:?}");
    cluster.until(&what, |status| set(status) == names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced_by_a_standby_in_sync_and_nothing_is_lost() {
    let names = ["a", "b", "c"];
    let mut cluster = start(&names, "").await;
    let load = cluster.load(91).await;
    for _ in 0..3 {
        load.acknowledged_more(1000).await;
        let old = cluster.leader().await;
        cluster.node(&old).kill().await;
        load.acknowledged_more(1000).await;
        assert_ne!(cluster.leader().await, old);
        cluster.node(&old).start();
        is_set(&mut cluster, &names).await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}
