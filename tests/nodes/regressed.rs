//! A log that is not the one that the bucket or the nodes know: nobody serves, and both Positions are named.

use std::fs;
use std::path::Path;
use std::time::Duration;

use standfast::node::ClusterStatus;
use standfast_core::Position;

use crate::lender::{lender, objects, put_all};
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

/// What a node that was started says before it stands still.
pub(crate) async fn failure(cluster: &TestCluster) -> String {
    let failed = |status: &ClusterStatus| {
        let mut nodes = status.nodes.iter();
        nodes.any(|node| node.answered() && node.failure.is_some())
    };
    let status = cluster.until("it to stand still", failed).await;
    assert_eq!(status.leader, None);
    let mut failures = status.nodes.into_iter().filter_map(|node| node.failure);
    failures.next().unwrap()
}

/// The Positions that a message names.
fn positions(text: &str) -> Vec<Position> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    let words = words.map(|word| word.trim_end_matches(':'));
    words.filter_map(Position::parse).collect()
}

fn remove(cluster: &TestCluster, names: &[&str]) {
    for name in names {
        fs::remove_dir_all(cluster.dir.path().join(name)).unwrap();
    }
}

/// Damages every part of the bucket, so that no snapshot can be restored.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
        } else {
            let mut bytes = fs::read(&path).unwrap();
            bytes[20] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
}

/// A node that has acknowledged so many objects and made a snapshot of them; it is down.
async fn with_snapshot(objects_count: usize) -> TestCluster {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..objects_count, 8)).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    cluster.nodes[0].kill().await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_begun_anew_beside_a_snapshot_is_served_by_nobody() {
    let mut cluster = with_snapshot(10).await;
    // Whoever could remember is gone as well, but for the bucket.
    remove(&cluster, &["log", "election", "data-a"]);
    cluster.initialise().await;
    cluster.nodes[0].start();
    let told = failure(&cluster).await;
    assert!(told.contains("the log went backwards"), "{told}");
    let named = positions(&told);
    assert_eq!(named.len(), 2, "{told}");
    assert!(named[0].seq > named[1].seq, "{told}");
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_begun_anew_beside_snapshots_that_cannot_be_restored_is_not_served_empty() {
    let mut cluster = with_snapshot(10).await;
    damage(&cluster.dir.path().join("bucket/test/parts"));
    remove(&cluster, &["log", "election", "data-a"]);
    cluster.initialise().await;
    cluster.nodes[0].start();
    let told = failure(&cluster).await;
    assert!(told.contains("the log went backwards"), "{told}");
    assert_eq!(positions(&told).len(), 2, "{told}");
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_begun_anew_beside_a_catalog_that_cannot_be_read_is_not_served_empty() {
    let mut cluster = with_snapshot(10).await;
    let catalog = fs::read_dir(cluster.dir.path().join("bucket/test/catalog")).unwrap();
    let entries = catalog.map(|entry| entry.unwrap().path());
    fs::write(entries.max().unwrap(), "{\"format\": \"standfast-cat").unwrap();
    remove(&cluster, &["log", "election", "data-a"]);
    cluster.initialise().await;
    cluster.nodes[0].start();
    let told = failure(&cluster).await;
    for part in ["does not parse", "a log without any entry is not complete"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    cluster.nodes[0].kill().await;
    let plan = cluster.nodes[0].command(&["recover", "--plan"]).await;
    assert_eq!(plan.status.code(), Some(1), "{plan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_log_of_another_history_is_not_taken_for_the_complete_one() {
    let mut cluster = with_snapshot(10).await;
    let bucket = cluster.dir.path().join("bucket");
    let (first, fingerprint) = (cluster.dir.path().join("first"), "test/fingerprint");
    fs::rename(&bucket, &first).unwrap();
    fs::create_dir_all(bucket.join("test")).unwrap();
    fs::copy(first.join(fingerprint), bucket.join(fingerprint)).unwrap();
    remove(&cluster, &["log", "election", "data-a"]);
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..100, 8)).await;
    cluster.nodes[0].kill().await;

    damage(&first.join("test/parts"));
    remove(&cluster, &["bucket", "data-a"]);
    fs::rename(&first, &bucket).unwrap();
    cluster.nodes[0].start();
    let told = failure(&cluster).await;
    assert!(told.contains("the log went backwards"), "{told}");
    assert!(told.contains("the catalog has seen"), "{told}");
    assert_eq!(positions(&told).len(), 2, "{told}");
    cluster.nodes[0].kill().await;
}
