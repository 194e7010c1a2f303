//! Incremental snapshots of a node: made, shown, compared, proved, and started from.

use std::time::Duration;

use serde_json::Value;

use crate::lender::{all_exist, keys, lender, objects, put_all};
use crate::node::TestNode;
use crate::support::TestCluster;

async fn asked(node: &TestNode, words: &[&str]) -> Value {
    let output = node.command(&[words, &["-o", "json"]].concat()).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Makes a snapshot, and waits until it is verified: only then comes a layer on it.
async fn snapshot(cluster: &TestCluster) -> String {
    let made = asked(&cluster.nodes[0], &["snapshot", "create"]).await;
    cluster
        .until("the newest to be verified", |status| {
            let node = &status.nodes[0];
            node.verified_seq == node.snapshot_seq
        })
        .await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_makes_layers_and_serves_again_from_base_and_layers() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let mut puts = objects(0..1000, 32);
    put_all(&client, &puts).await;
    let base = snapshot(&cluster).await;
    puts.extend(objects(1000..1020, 32));
    put_all(&client, &puts[1000..]).await;
    snapshot(&cluster).await;
    let removed = puts.split_off(1010);
    for result in client.remove(&keys(&removed), true).await.unwrap() {
        result.unwrap();
    }
    let newest = snapshot(&cluster).await;

    let node = &cluster.nodes[0];
    let listed = asked(node, &["snapshot", "list"]).await;
    let listed = listed["snapshots"].as_array().unwrap();
    let number = |at: usize, field: &str| listed[at][field].as_u64().unwrap();
    for layers in 0..3 {
        assert_eq!(number(layers, "layers"), layers as u64, "{listed:#?}");
    }
    assert_eq!(listed[2]["base"], base.as_str());
    assert!(
        number(2, "own_bytes") * 5 < number(0, "own_bytes"),
        "{listed:#?}"
    );
    let shown = node.command(&["snapshot", "show", &newest]).await;
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["layers"].as_array().unwrap().len(), 2);
    let told = asked(node, &["snapshot", "diff", &base, &newest]).await;
    assert_eq!(
        (told["added"].as_u64(), told["removed"].as_u64()),
        (Some(10), Some(0))
    );
    asked(node, &["snapshot", "verify", "--deep"]).await;

    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let found = client.exists(&keys(&removed)).await.unwrap();
    assert!(found.into_iter().all(|found| found == Ok(false)));
    let log = cluster.nodes[0].log_text();
    assert!(
        log.contains(&format!("restored snapshot={newest}")),
        "{log}"
    );
    cluster.nodes[0].kill().await;
}
