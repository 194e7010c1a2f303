//! Stories of files that commands leave behind: what a command said it wrote is there when the power has gone.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cluster::{Kind, start};
use crate::disk::{Loss, PowerDisk};
use crate::support::TestCluster;

async fn asked(cluster: &TestCluster, words: &[&str]) -> Value {
    let output = cluster.nodes[0]
        .command(&[words, &["-o", "json"]].concat())
        .await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            fs::copy(&path, name).unwrap();
        }
    }
}

/// The power goes, and the file is what it was.
fn survives(mut disk: PowerDisk, path: &Path) {
    let before = fs::read(path).unwrap();
    disk.cut(Loss::Everything);
    let after = fs::read(path).expect("its name was synced");
    assert!(after == before, "{} was synced", path.display());
}

fn record(data_dir: &Path) -> PathBuf {
    let mut entries = fs::read_dir(data_dir).unwrap();
    let path = entries.find_map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        name.starts_with("accepted-loss-").then(|| entry.path())
    });
    path.expect("the command keeps a record")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_loss_that_was_accepted_survives() {
    let disk = PowerDisk::mount();
    let mut cluster = start(disk.path(), &["a"], Kind::File).await;
    let load = cluster.load(53).await;
    load.acknowledged_more(100).await;
    cluster.nodes[0].kill().await;
    let (log, backup) = (disk.path().join("log"), disk.path().join("backup"));
    copy(&log, &backup);
    cluster.nodes[0].start();
    load.acknowledged_more(100).await;
    // A node that stops in good order notes how far it came.
    cluster.nodes[0].signal("TERM");
    let mut node = cluster.nodes[0].child.take().unwrap();
    node.wait().await.unwrap();
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&backup, &log).unwrap();

    let accepted = asked(&cluster, &["recover", "--accept-loss", "--yes"]).await;
    assert!(accepted["lost"]["from_seq"].is_u64(), "{accepted:#}");

    let path = record(&cluster.nodes[0].data_dir);
    survives(disk, &path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_exported_survives() {
    let disk = PowerDisk::mount();
    let mut cluster = start(disk.path(), &["a"], Kind::File).await;
    let load = cluster.load(54).await;
    load.acknowledged_more(100).await;
    let made = asked(&cluster, &["snapshot", "create"]).await;
    let id = made["id"].as_str().unwrap();
    let path = disk.path().join("exported");
    let to = path.to_str().unwrap();
    asked(&cluster, &["snapshot", "export", "--id", id, "--to", to]).await;
    cluster.nodes[0].kill().await;
    survives(disk, &path);
}
