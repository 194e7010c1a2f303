//! Stories of real nodes on a disk whose power goes, and on one that fails a sync.

use std::fs;
use std::path::Path;

use crate::disk::{Loss, PowerDisk};
use crate::http;
use crate::seeds::{first, seeds};
use crate::support::{TestCluster, in_sync, same_state};

/// Two nodes with everything they keep on `disk`, their data directories included.
async fn start(disk: &Path) -> TestCluster {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    for node in &mut cluster.nodes {
        let mut text = fs::read_to_string(&node.config).unwrap();
        let data = format!("data-{}", node.name);
        for (key, dir) in [
            ("dir", "log"),
            ("dir", "election"),
            ("url", "bucket"),
            ("data_dir", data.as_str()),
        ] {
            let line = format!("\n{key} = \"{dir}\"");
            assert!(text.contains(&line), "{text}");
            let there = format!("\n{key} = \"{}\"", disk.join(dir).display());
            text = text.replace(&line, &there);
        }
        fs::write(&node.config, text).unwrap();
        node.data_dir = disk.join(data);
    }
    cluster.launch().await;
    cluster
}

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
    let mut losses: Vec<_> = seeds().map(Loss::Random).collect();
    losses.push(Loss::Everything);
    let mut disk = PowerDisk::mount();
    let mut cluster = start(disk.path()).await;
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
    println!("seed {}", first());
    let mut disk = PowerDisk::mount();
    let mut cluster = start(disk.path()).await;
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
