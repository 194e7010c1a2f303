use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use standfast_metadata::{MetadataClient, Placement, PutObject};

use super::memory_disk::MemoryDisk;
use super::{all_exist, client, keys, lender, objects, put_all};
use crate::metric::until;
use crate::support::TestCluster;

/// A file on the disk that takes room away.
fn ballast(disk: &MemoryDisk) -> PathBuf {
    disk.path().join("ballast")
}

/// A node whose log lies on a small disk, 4 MiB of which can be freed.
async fn node_on_small_disk() -> (TestCluster, MemoryDisk) {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let disk = MemoryDisk::mount(&cluster.dir.path().join("log"));
    fs::write(ballast(&disk), vec![1; 4 << 20]).unwrap();
    cluster.launch().await;
    (cluster, disk)
}

/// Puts, a request each, until one is not acknowledged. Returns those that were.
pub(super) async fn fill(client: &MetadataClient) -> Vec<PutObject> {
    let mut acknowledged = Vec::new();
    loop {
        let from = acknowledged.len();
        assert!(from < 8000, "24 MB were put on a disk of 16 MiB");
        let these = objects(from..from + 50, 3000);
        let Ok(results) = client.put(&these, &Placement::default()).await else {
            return acknowledged;
        };
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        acknowledged.extend(these);
    }
}

/// How many keys, asked for one by one, are found. Those in a bucket with the batch that waits are not answered: what
/// they would tell may be lost.
async fn reads_answered(client: &MetadataClient, objects: &[PutObject]) -> usize {
    let keys = keys(objects);
    let reads = keys.chunks(1).map(|key| client.exists(key));
    let answers = futures::future::join_all(reads).await;
    answers
        .iter()
        .filter(|answer| answer.as_ref().is_ok_and(|found| found == &[Ok(true)]))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_a_node_that_reads_and_writes_again_when_there_is_room() {
    let (mut cluster, disk) = node_on_small_disk().await;
    let client = lender(&cluster, Duration::from_secs(3)).await;
    let acknowledged = fill(&client).await;
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    until(&cluster.nodes[0], "standfast_read_only", |value| {
        value > 0.0
    })
    .await;
    until(&cluster.nodes[0], "standfast_append_retries_total", |n| {
        n > 0.0
    })
    .await;
    let error = client
        .put(&objects(9000..9001, 3000), &Placement::default())
        .await
        .unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("read-only until there is room for the log") && told.contains(".wal"),
        "{told}"
    );
    let answered = reads_answered(&client, &acknowledged[..100]).await;
    assert!(answered >= 50, "{answered} of 100 reads were answered");
    assert_eq!(cluster.leader().await, "a");

    fs::remove_file(ballast(&disk)).unwrap();
    until(&cluster.nodes[0], "standfast_read_only", |value| {
        value < 1.0
    })
    .await;
    let more = objects(10_000..10_100, 32);
    let results = client.put(&more, &Placement::default()).await.unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    cluster.nodes[0].kill().await;
    cluster.nodes[0].start();
    all_exist(&client, &acknowledged).await;
    all_exist(&client, &more).await;
    cluster.verify_log().await;
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_term_begins_on_a_full_disk_and_nothing_acknowledged_is_lost() {
    let (mut cluster, disk) = node_on_small_disk().await;
    let client = lender(&cluster, Duration::from_secs(3)).await;
    let acknowledged = fill(&client).await;
    cluster.nodes[0].kill().await;
    cluster.nodes[0].start();
    assert_eq!(cluster.leader().await, "a");
    let found = client.exists(&keys(&acknowledged)).await.unwrap();
    let lost = found.iter().filter(|found| **found != Ok(true)).count();
    assert_eq!(lost, 0, "of {}", acknowledged.len());
    fs::remove_file(ballast(&disk)).unwrap();
    let more = objects(10_000..10_100, 32);
    let results = client.put(&more, &Placement::default()).await.unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    cluster.verify_log().await;
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_finds_the_election_full_waits_for_room_and_takes_over() {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let disk = MemoryDisk::mount(&cluster.dir.path().join("election"));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_mins(1)).await;
    let acknowledged = objects(0..10, 32);
    put_all(&client, &acknowledged).await;
    // As much as there is room for.
    fs::write(ballast(&disk), vec![1; 16 << 20]).unwrap_err();
    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    let standby = cluster.node(if leader == "a" { "b" } else { "a" });
    until(standby, "standfast_follow_interruptions_total", |n| n > 0.0).await;
    fs::remove_file(ballast(&disk)).unwrap();
    all_exist(&client, &acknowledged).await;
    put_all(&client, &objects(10..20, 32)).await;
    standby.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_that_ends_on_a_full_disk_loses_nothing_acknowledged() {
    let (mut cluster, disk) = node_on_small_disk().await;
    let client = lender(&cluster, Duration::from_secs(3)).await;
    let acknowledged = fill(&client).await;
    let stepped = cluster.nodes[0].command(&["step-down"]).await;
    assert!(stepped.status.success(), "{stepped:?}");
    until(&cluster.nodes[0], "standfast_append_failures_total", |n| {
        n > 0.0
    })
    .await;
    fs::remove_file(ballast(&disk)).unwrap();
    cluster.leader().await;
    all_exist(&client, &acknowledged).await;
    cluster.verify_log().await;
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_on_a_full_disk_reads_at_once_and_writes_when_there_is_room() {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let disk = MemoryDisk::mount(&cluster.dir.path().join("log"));
    fs::write(ballast(&disk), vec![1; 4 << 20]).unwrap();
    cluster.launch().await;
    let hasty = lender(&cluster, Duration::from_secs(3)).await;
    let patient = client(&cluster, Duration::from_mins(1)).await;
    let acknowledged = fill(&hasty).await;
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    // Its EpochStart went into the reserve.
    all_exist(&patient, &acknowledged).await;
    fs::remove_file(ballast(&disk)).unwrap();
    let more = objects(10_000..10_100, 32);
    put_all(&patient, &more).await;
    cluster.node(&leader).start();
    let other = if leader == "a" { "b" } else { "a" };
    cluster.node(other).kill().await;
    all_exist(&patient, &acknowledged).await;
    all_exist(&patient, &more).await;
    cluster.verify_log().await;
}
