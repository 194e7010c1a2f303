//! How long log and snapshots stay: `[snapshots] trim_delay` and `keep_for`.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::bad_input::edit;
use crate::lender::{all_exist, client, lender, objects, put_all};
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

async fn asked(cluster: &TestCluster, words: &[&str]) -> Value {
    let words = [words, &["-o", "json"]].concat();
    let output = cluster.nodes[0].command(&words).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn floor(cluster: &TestCluster) -> u64 {
    let inspected = asked(cluster, &["oplog", "inspect"]).await;
    inspected["floor"].as_u64().unwrap()
}

/// Ids of the snapshots that the catalog lists, the oldest first.
async fn listed(cluster: &TestCluster) -> Vec<String> {
    let listed = asked(cluster, &["snapshot", "list"]).await;
    let snapshots = listed["snapshots"].as_array().unwrap();
    let id = |snapshot: &Value| snapshot["id"].as_str().unwrap().to_owned();
    snapshots.iter().map(id).collect()
}

async fn all_verified(cluster: &TestCluster) {
    cluster
        .until("the newest to be verified", |status| {
            let node = &status.nodes[0];
            node.verified_seq == node.snapshot_seq
        })
        .await;
}

/// A node with four snapshots that share nothing, with these lines in its `[snapshots]`.
async fn with_snapshots(lines: &str) -> TestCluster {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let node = &cluster.nodes[0];
    // So small that trim finds whole segments.
    edit(node, "4MiB", "64KiB");
    edit(node, "[snapshots]", &format!("[snapshots]\n{lines}"));
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    let puts = objects(0..8000, 32);
    // So many each time that every snapshot is a base.
    for end in [1000, 2000, 4000, 8000] {
        put_all(&client, &puts[end / 2..end]).await;
        asked(&cluster, &["snapshot", "create"]).await;
    }
    all_verified(&cluster).await;
    cluster
}

async fn restart(cluster: &mut TestCluster, from: &str, to: &str) {
    cluster.nodes[0].kill().await;
    edit(&cluster.nodes[0], from, to);
    cluster.nodes[0].start();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_for_the_trim_delay_and_no_longer() {
    let mut cluster = with_snapshots("trim_delay = \"1h\"").await;
    assert_eq!(floor(&cluster).await, 1, "of four verified snapshots");

    // A term counts the delay from its own beginning.
    let begun = Instant::now();
    let (delay, shorter) = ("trim_delay = \"1h\"", "trim_delay = \"3s\"");
    restart(&mut cluster, delay, shorter).await;
    while floor(&cluster).await == 1 {
        assert!(begun.elapsed() < PATIENCE, "never trimmed");
    }
    assert!(begun.elapsed() >= Duration::from_secs(3), "trimmed early");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_kept_for_their_age_beyond_the_number_that_is_kept() {
    let mut cluster = with_snapshots("keep = 1\nkeep_for = \"1h\"").await;
    let young = listed(&cluster).await;
    assert_eq!(young.len(), 4, "{young:?}");

    restart(&mut cluster, "keep_for = \"1h\"", "keep_for = \"1s\"").await;
    let client = client(&cluster, PATIENCE).await;
    put_all(&client, &objects(8000..8100, 32)).await;
    let mut older = tokio::time::interval(Duration::from_secs(1));
    older.tick().await;
    older.tick().await;
    asked(&cluster, &["snapshot", "create"]).await;
    let give_up = Instant::now() + PATIENCE;
    // Two verified ones stay whatever their age.
    while listed(&cluster)
        .await
        .iter()
        .any(|id| young[..3].contains(id))
    {
        assert!(Instant::now() < give_up, "never retired");
    }
    let left = listed(&cluster).await;
    assert_eq!((left.len(), &left[0]), (2, &young[3]), "{left:?}");
    all_exist(&client, &objects(500..8100, 32)).await;
}
