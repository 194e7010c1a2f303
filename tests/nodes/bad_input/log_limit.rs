//! A log that has reached `[oplog] max_bytes`.

use std::fs;
use std::time::Duration;

use standfast_metadata::{MetadataClient, Placement, PutObject};

use super::full_disk::fill;
use super::memory_disk::MemoryDisk;
use super::{all_exist, client, edit, keys, lender, objects, put_all};
use crate::metric::{metric, until};
use crate::support::{TestCluster, in_sync};

const LIMIT: f64 = 8_388_608.0;

/// Two nodes with small segments, a small limit, and a bucket on a small disk.
async fn limited() -> (TestCluster, MemoryDisk) {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let disk = MemoryDisk::mount(&cluster.dir.path().join("bucket"));
    for node in &cluster.nodes {
        let small = "segment_size = \"1MiB\"\nmax_bytes = \"8MiB\"";
        edit(node, "segment_size = \"4MiB\"", small);
    }
    cluster.launch().await;
    (cluster, disk)
}

/// Writes are refused with the reason, everything is read, and the status says so.
async fn is_read_only(
    cluster: &mut TestCluster,
    hasty: &MetadataClient,
    acknowledged: &[PutObject],
) {
    let leader = cluster.leader().await;
    let node = cluster.node(&leader);
    until(node, "standfast_read_only", |value| value > 0.0).await;
    until(node, "standfast_oplog_bytes", |bytes| bytes >= LIMIT).await;
    assert_eq!(
        metric(node, "standfast_oplog_limit_bytes").await,
        Some(LIMIT)
    );
    let room = metric(node, "standfast_oplog_available_bytes").await;
    assert!(room > Some(0.0), "{room:?}");
    let refused = hasty
        .put(&objects(9000..9001, 32), &Placement::default())
        .await;
    let told = refused.unwrap_err().to_string();
    for part in [
        "read-only until there is room for the log",
        "max_bytes = \"8MiB\"",
        "raise max_bytes",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let found = hasty.exists(&keys(acknowledged)).await.unwrap();
    assert!(found.iter().all(|found| *found == Ok(true)));
    let says_why = |why: &Option<String>| why.as_ref().is_some_and(|why| why.contains("8MiB"));
    cluster
        .until("a read-only leader", |status| {
            status.nodes.iter().any(|node| says_why(&node.read_only))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_at_its_limit_is_read_only_across_a_takeover_until_snapshots_let_it_be_trimmed() {
    let (mut cluster, disk) = limited().await;
    let hasty = lender(&cluster, Duration::from_secs(3)).await;
    let patient = client(&cluster, Duration::from_mins(2)).await;
    // No snapshot can be made.
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 17 << 20]).unwrap_err();
    let mut acknowledged = fill(&hasty).await;
    assert!(acknowledged.len() > 1000, "{}", acknowledged.len());
    is_read_only(&mut cluster, &hasty, &acknowledged).await;

    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    all_exist(&patient, &acknowledged).await;
    is_read_only(&mut cluster, &hasty, &acknowledged).await;

    // It ends by itself, and does so again each time the limit is reached.
    fs::remove_file(&ballast).unwrap();
    cluster.node(&leader).start();
    let more = objects(10_000..16_000, 3000);
    for some in more.chunks(50) {
        put_all(&patient, some).await;
    }
    acknowledged.extend(more);
    let leader = cluster.leader().await;
    until(
        cluster.node(&leader),
        "standfast_oplog_floor_seq",
        |floor| floor > 6000.0,
    )
    .await;
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    for node in &mut cluster.nodes {
        node.kill().await;
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    for some in acknowledged.chunks(1000) {
        all_exist(&patient, some).await;
    }
    cluster.verify_log().await;
}
