use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::memory_disk::MemoryDisk;
use super::{all_exist, edit, lender, objects, put_all, refusal};
use crate::node::TestNode;
use crate::support::TestCluster;

/// Takes all the room of a disk but so much.
pub(super) fn leave_room(disk: &MemoryDisk, bytes: usize) -> PathBuf {
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 17 << 20]).unwrap_err();
    let taken = fs::metadata(&ballast).unwrap().len();
    let file = fs::File::options().write(true).open(&ballast).unwrap();
    file.set_len(taken - bytes as u64).unwrap();
    ballast
}

/// The uploads that have parts, or half of one.
pub(super) fn uploads(cluster: &TestCluster) -> BTreeSet<PathBuf> {
    let parts = fs::read_dir(cluster.dir.path().join("bucket/test/parts"));
    let uploads = parts.unwrap().map(|entry| entry.unwrap().path());
    uploads.collect()
}

/// Waits until an upload is deleted.
pub(super) async fn until_collected(upload: &Path) {
    let give_up = Instant::now() + Duration::from_secs(30);
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while upload.exists() {
        assert!(Instant::now() < give_up, "{} is there", upload.display());
        ticks.tick().await;
    }
}

pub(super) async fn snapshot(node: &TestNode) {
    let made = node.command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_finds_the_disk_full_says_so_and_is_collected_and_service_goes_on() {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let disk = MemoryDisk::mount(&cluster.dir.path().join("bucket"));
    let small = "every = \"1h\"\npart_size = \"4KiB\"\n";
    edit(&cluster.nodes[0], "every = \"1h\"\n", small);
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let mut puts = objects(0..1000, 32);
    put_all(&client, &puts).await;
    snapshot(&cluster.nodes[0]).await;

    let whole = uploads(&cluster);
    let ballast = leave_room(&disk, 64 << 10);
    puts.extend(objects(1000..2000, 32));
    put_all(&client, &puts[1000..]).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    let told = String::from_utf8(made.stderr).unwrap();
    assert_eq!(made.status.code(), Some(1), "{told}");
    assert!(
        told.contains("No space left on device") && told.contains("parts/"),
        "{told}"
    );
    let left = uploads(&cluster);
    let half = left.difference(&whole).next().expect("it left a part");
    puts.extend(objects(2000..2100, 32));
    put_all(&client, &puts[2000..]).await;
    all_exist(&client, &puts).await;

    fs::remove_file(ballast).unwrap();
    for number in 3000..3005 {
        puts.extend(objects(number..number + 1, 32));
        put_all(&client, &puts[puts.len() - 1..]).await;
        snapshot(&cluster.nodes[0]).await;
    }
    until_collected(half).await;
    cluster.nodes[0].kill().await;
    fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_finds_the_data_dir_full_says_so_or_serves() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..200, 32);
    put_all(&client, &puts).await;
    snapshot(&cluster.nodes[0]).await;
    cluster.nodes[0].kill().await;
    let disk = MemoryDisk::mount(&cluster.nodes[0].data_dir);
    let ballast = leave_room(&disk, 0);
    let told = refusal(&cluster.nodes[0]).await;
    assert!(
        told.contains("[node] data_dir") && told.contains("make room on its disk"),
        "{told}"
    );
    // Room for the lock and not for the high-water mark, without which it has less to compare with.
    let file = fs::File::options().write(true).open(&ballast).unwrap();
    file.set_len((16 << 20) - 4096).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let log = cluster.nodes[0].log_text();
    assert!(log.contains("restored snapshot="), "{log}");
    assert!(log.contains("cannot keep the high-water mark"), "{log}");
    cluster.nodes[0].kill().await;
}
