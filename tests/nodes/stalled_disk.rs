//! A disk that hangs: a file system in a file, which the kernel freezes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::TestCluster;

/// An ext4 of 64 MiB, for as long as it lives.
pub(crate) struct FreezingDisk(PathBuf);

fn succeed(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl FreezingDisk {
    pub(crate) fn mount(image: &Path, at: &Path) -> Self {
        std::fs::create_dir_all(at).unwrap();
        succeed("truncate", &["-s", "64M", text(image)]);
        succeed("mkfs.ext4", &["-q", text(image)]);
        succeed("mount", &["-o", "loop,noatime", text(image), text(at)]);
        Self(at.to_owned())
    }

    /// Every write and sync hangs until [`Self::thaw`].
    pub(crate) fn freeze(&self) {
        succeed("fsfreeze", &["--freeze", text(&self.0)]);
    }

    pub(crate) fn thaw(&self) {
        succeed("fsfreeze", &["--unfreeze", text(&self.0)]);
    }
}

impl Drop for FreezingDisk {
    fn drop(&mut self) {
        // It may be thawed already. A disk that stays frozen would keep processes for ever.
        drop(
            Command::new("fsfreeze")
                .arg("--unfreeze")
                .arg(&self.0)
                .output(),
        );
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

async fn wait(time: Duration) {
    let mut ticks = tokio::time::interval(time);
    ticks.tick().await;
    ticks.tick().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_stalls_for_three_seconds_loses_nothing_and_costs_no_term() {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let dir = cluster.dir.path();
    let disk = FreezingDisk::mount(&dir.join("image"), &dir.join("log"));
    cluster.launch().await;
    let load = cluster.load(31).await;
    let leader = cluster.leader().await;
    disk.freeze();
    let before = load.meter.progress().acknowledged;
    wait(Duration::from_secs(3)).await;
    let stalled = load.meter.progress().acknowledged - before;
    // Each of the 8 clients may have had an answer under way.
    assert!(stalled < 1000, "{stalled} acknowledged without a log");
    disk.thaw();
    load.acknowledged_more(1000).await;
    assert_eq!(cluster.leader().await, leader, "its lease lies elsewhere");
    cluster.lost_nothing(load).await;
}

/// The lease runs out while a sync of the log does not return: the node says so, and does not wait for its disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_whose_disk_hangs_is_none_for_longer_than_its_lease() {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let dir = cluster.dir.path().to_owned();
    let disk = FreezingDisk::mount(&dir.join("image"), &dir.join("disk"));
    for store in ["log", "election"] {
        std::fs::create_dir(dir.join("disk").join(store)).unwrap();
        std::os::unix::fs::symlink(dir.join("disk").join(store), dir.join(store)).unwrap();
    }
    cluster.launch().await;
    let load = cluster.load(32).await;
    disk.freeze();
    cluster
        .until("nobody to lead", |status| status.leader.is_none())
        .await;
    disk.thaw();
    load.acknowledged_more(1000).await;
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster.verify_log().await;
}
