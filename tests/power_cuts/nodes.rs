//! Stories of real nodes on a disk whose power goes, and on one that fails a sync.

use crate::cluster::{Kind, start};
use crate::disk::{Loss, PowerDisk};
use crate::http;
use crate::seeds::{first, seeds};
use crate::support::{TestCluster, in_sync, same_state};

/// The power goes: all nodes end, and with them what was not synced. Then they start again.
async fn cut(cluster: &mut TestCluster, disk: &mut PowerDisk, loss: Loss) {
    for node in &mut cluster.nodes {
        node.kill().await;
    }
    disk.cut(loss);
    for node in &mut cluster.nodes {
        node.start();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_whose_power_was_cut_miss_nothing_that_they_acknowledged() {
    miss_nothing_after_cuts(Kind::File).await;
}

#[cfg(feature = "rocksdb")]
#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_a_rocksdb_whose_power_was_cut_miss_nothing_that_they_acknowledged() {
    miss_nothing_after_cuts(Kind::RocksDb).await;
}

async fn miss_nothing_after_cuts(kind: Kind) {
    let mut losses: Vec<_> = seeds().map(|seed| kind.loss(seed)).collect();
    losses.push(Loss::Everything);
    let mut disk = PowerDisk::mount();
    let mut cluster = start(disk.path(), &["a", "b"], kind).await;
    let load = cluster.load(51).await;
    for loss in losses {
        println!("{loss:?}");
        load.acknowledged_more(1000).await;
        cut(&mut cluster, &mut disk, loss).await;
        for name in ["a", "b"] {
            assert!(cluster.node(name).data_dir.is_dir(), "{name} lost it");
        }
        load.acknowledged_more(1000).await;
    }
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    cluster.verify_log().await;
}

async fn appends_that_failed(cluster: &TestCluster) -> f64 {
    let mut failed = 0.0;
    for node in &cluster.nodes {
        let (_, metrics) = http::get(&node.http, "/metrics").await;
        failed += http::value(&metrics, "standfast_append_failures_total", &[]).unwrap_or(0.0);
    }
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_whose_sync_fails_ends_its_term_and_nothing_is_lost() {
    ends_its_term_when_a_sync_fails(Kind::File).await;
}

#[cfg(feature = "rocksdb")]
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_on_a_rocksdb_whose_sync_fails_ends_its_term_and_nothing_is_lost() {
    ends_its_term_when_a_sync_fails(Kind::RocksDb).await;
}

async fn ends_its_term_when_a_sync_fails(kind: Kind) {
    println!("seed {}", first());
    let mut disk = PowerDisk::mount();
    let mut cluster = start(disk.path(), &["a", "b"], kind).await;
    let load = cluster.load(52).await;
    let before = cluster.until("a leader", |status| status.leader.is_some());
    let before = before.await.epoch;
    // Some syncs are not the log's: of the zeros ahead of it, of a node's own files.
    while appends_that_failed(&cluster).await < 1.0 {
        disk.fail_sync(disk.syncs() + 2);
        load.acknowledged_more(100).await;
    }
    let after = cluster.until("a higher epoch", |status| {
        status.leader.is_some() && status.epoch > before && in_sync(status) == 2
    });
    after.await;
    load.acknowledged_more(1000).await;
    cut(&mut cluster, &mut disk, Loss::Everything).await;
    load.acknowledged_more(1000).await;
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster.verify_log().await;
}
