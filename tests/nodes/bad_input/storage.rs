use std::fs;
use std::path::{Path, PathBuf};

use super::refusal;
use crate::support::TestCluster;

fn only_file(dir: &Path) -> PathBuf {
    let mut found = fs::read_dir(dir).unwrap();
    let path = found.next().unwrap().unwrap().path();
    assert!(found.next().is_none(), "{}", dir.display());
    path
}

/// A cluster of one node that has led for a term, and is dead.
async fn one_term() -> TestCluster {
    let mut cluster = TestCluster::start(&["a"]).await;
    cluster.nodes[0].kill().await;
    cluster
}

async fn refuses_version(version: u8, cluster: &TestCluster, path: &Path, what: &str) {
    let told = refusal(&cluster.nodes[0]).await;
    assert!(told.contains("unknown format version"), "{told}");
    let reads = format!("{what} of version {version}, this program reads 1: upgrade");
    assert!(told.contains(&reads), "{told}");
    assert!(told.contains(&path.display().to_string()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_file_of_a_newer_format_is_refused_by_name() {
    let cluster = one_term().await;
    let dir = cluster.dir.path();
    let files = [
        (dir.join("log/cluster"), "`standfast-cluster`"),
        (dir.join("election/cluster"), "`standfast-cluster`"),
        (only_file(&dir.join("log/fences")), "`standfast-fence`"),
    ];
    for (path, what) in files {
        let good = fs::read_to_string(&path).unwrap();
        let newer = good.replace("\"version\":1", "\"version\":2");
        assert_ne!(good, newer);
        fs::write(&path, newer).unwrap();
        refuses_version(2, &cluster, &path, what).await;
        fs::write(&path, good).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_of_a_newer_format_is_refused_by_name_and_left_as_it_is() {
    let cluster = one_term().await;
    let path = only_file(&cluster.dir.path().join("log/segments"));
    let mut bytes = fs::read(&path).unwrap();
    // Version and CRC-32C of the header, as drawn on `SegmentHeader`.
    bytes[4] = 3;
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    crc.update(&bytes[..12]);
    crc.update(&bytes[16..128]);
    let crc = u32::try_from(crc.finalize()).unwrap();
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    refuses_version(3, &cluster, &path, "segment header").await;
    assert!(fs::read(&path).unwrap() == bytes, "nobody touched it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_everything_is_served_by_nobody_whoever_forgot_it() {
    let mut cluster = one_term().await;
    let dir = cluster.dir.path().to_owned();
    fs::remove_dir_all(dir.join("log/segments")).unwrap();
    fs::create_dir(dir.join("log/segments")).unwrap();
    fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    let status = cluster
        .until("it to stand still", |status| {
            status.nodes.iter().any(|node| node.failure.is_some())
        })
        .await;
    let told = status.nodes[0].failure.clone().unwrap();
    assert!(
        told.contains("epoch 1 has served, but the log ends at"),
        "{told}"
    );
    assert_eq!(status.leader, None);
    cluster.nodes[0].kill().await;
}
