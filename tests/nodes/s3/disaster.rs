//! What docs/backup-and-restore.md says to do when a store is gone.

use std::time::Duration;

use serde_json::Value;
use standfast_core::Role;

use super::by_hand::ByHand;
use super::{settings, shared};
use crate::etcd::Members;
use crate::lender::{all_exist, client, lender, objects, put_all};
use crate::node::TestNode;
use crate::support::{TestCluster, same_state};

const PATIENCE: Duration = Duration::from_mins(1);

async fn done(node: &TestNode, words: &[&str]) -> Value {
    let words = [words, &["-o", "json"]].concat();
    let done = node.command(&words).await;
    assert!(done.status.success(), "{words:?}: {done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Nodes on members of their own and at the shared gateway.
fn prepared(members: &Members, bucket: &str) -> TestCluster {
    let cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_etcd(&members.settings(), "2s");
    cluster.turn_to_bucket(bucket);
    for node in &cluster.nodes {
        let patient = "[metadata]\nclient_ttl = \"1h\"\n";
        let text = std::fs::read_to_string(&node.config).unwrap() + patient;
        std::fs::write(&node.config, text).unwrap();
    }
    cluster
}

/// Makes a snapshot, and waits until the catalog calls it verified: then nothing more is written.
async fn snapshot(cluster: &TestCluster) -> Value {
    let made = done(&cluster.nodes[0], &["snapshot", "create"]).await;
    cluster
        .until("it is verified", |status| {
            let mut nodes = status.nodes.iter();
            nodes.any(|node| node.role == Role::Primary && node.verified_seq == node.snapshot_seq)
        })
        .await;
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn when_etcd_is_gone_the_newest_snapshot_goes_on_in_a_new_place() {
    let bucket = settings(&shared());
    let lost = Members::start();
    let mut cluster = prepared(&lost, &bucket);
    cluster.launch().await;
    let lends = lender(&cluster, PATIENCE).await;
    let puts = objects(0..500, 32);
    put_all(&lends, &puts).await;
    let made = snapshot(&cluster).await;
    for node in &mut cluster.nodes {
        node.kill().await;
    }
    drop(lost);

    let members = Members::start();
    let lost_cluster = cluster;
    let cluster = prepared(&members, &bucket);
    let export = cluster.dir.path().join("saved.export");
    let export = ["snapshot", "export", "--to", export.to_str().unwrap()];
    let refused = cluster.nodes[0].command(&export).await;
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && told.contains("cluster init"),
        "{told}"
    );
    let joined = cluster.nodes[0].command(&["cluster", "init"]).await;
    assert!(joined.status.success(), "{joined:?}");
    let exported = done(&cluster.nodes[0], &export).await;
    assert_eq!(exported["id"], made["id"]);
    // Served from there nothing is: the log does not reach the snapshot.
    let planned = cluster.nodes[0].command(&["recover", "--plan"]).await;
    assert!(!planned.status.success(), "{planned:?}");

    let members = Members::start();
    let mut to = prepared(&members, &settings(&shared()));
    let file = export.last().unwrap();
    let imported = done(&to.nodes[0], &["snapshot", "import", file]).await;
    assert_eq!(imported["digest"], exported["digest"]);
    for node in &mut to.nodes {
        node.start();
    }
    to.until("both", |status| same_state(status, 2)).await;
    all_exist(&client(&to, PATIENCE).await, &puts).await;
    drop(lost_cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_bucket_is_gone_nodes_that_run_fill_a_new_one() {
    let bucket = settings(&shared());
    let members = Members::start();
    let mut cluster = prepared(&members, &bucket);
    cluster.launch().await;
    let lends = lender(&cluster, PATIENCE).await;
    let puts = objects(0..500, 32);
    put_all(&lends, &puts[..300]).await;
    snapshot(&cluster).await;
    let by_hand = ByHand::at(&shared(), &bucket);
    for name in by_hand.names("").await {
        by_hand.delete(&name).await;
    }
    put_all(&lends, &puts[300..]).await;
    let refused = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(!refused.status.success(), "{refused:?}");
    let status = cluster.until("both", |status| same_state(status, 2)).await;
    assert_eq!(status.nodes.len(), 2, "they serve on: {status:#?}");

    let joined = cluster.nodes[0].command(&["cluster", "init"]).await;
    assert!(joined.status.success(), "{joined:?}");
    done(&cluster.nodes[0], &["snapshot", "create"]).await;
    done(&cluster.nodes[0], &["snapshot", "verify", "--deep"]).await;
    for node in &mut cluster.nodes {
        node.kill().await;
        std::fs::remove_dir_all(&node.data_dir).unwrap();
    }
    cluster.nodes[1].start();
    all_exist(&lends, &puts).await;
    let told = cluster.nodes[1].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
}
