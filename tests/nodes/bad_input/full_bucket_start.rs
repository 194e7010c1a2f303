use std::fs;
use std::time::Duration;

use standfast_metadata::{MetadataClient, PutObject};

use super::full_bucket::{leave_room, snapshot, until_collected, uploads};
use super::memory_disk::MemoryDisk;
use super::{all_exist, lender, objects, put_all};
use crate::support::{TestCluster, in_sync};
use crate::trimmed::{trim, with_small_segments};

/// Two nodes whose log was trimmed, and a bucket that has no room for another byte.
struct Full {
    cluster: TestCluster,
    disk: MemoryDisk,
    client: MetadataClient,
    /// What it has put.
    puts: Vec<PutObject>,
}

impl Full {
    async fn start() -> Self {
        let mut cluster = with_small_segments(&["a", "b"]);
        let disk = MemoryDisk::mount(&cluster.dir.path().join("bucket"));
        cluster.launch().await;
        // Before the load lends memory that goes with it.
        let client = lender(&cluster, Duration::from_secs(20)).await;
        let puts = objects(0..200, 32);
        put_all(&client, &puts).await;
        trim(&cluster).await;
        Self {
            cluster,
            disk,
            client,
            puts,
        }
    }

    /// Kills a node and takes what it keeps, so that it begins with a snapshot.
    async fn kill(&mut self, name: &str) {
        let node = self.cluster.node(name);
        node.kill().await;
        fs::remove_dir_all(&node.data_dir).unwrap();
    }

    async fn until_both_in_sync(&self) {
        let both = |status: &_| in_sync(status) == 2;
        self.cluster.until("both in sync", both).await;
    }

    async fn command(&self, words: &[&str]) -> String {
        let output = self.cluster.nodes[0].command(words).await;
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_start_from_a_full_bucket_and_make_snapshots_again_when_there_is_room() {
    let mut full = Full::start().await;
    let oldest = uploads(&full.cluster).pop_first().unwrap();
    let ballast = leave_room(&full.disk, 0);

    let leader = full.cluster.leader().await;
    let standby = if leader == "a" { "b" } else { "a" };
    full.kill(standby).await;
    full.cluster.node(standby).start();
    full.until_both_in_sync().await;
    let log = full.cluster.node(standby).log_text();
    for said in ["the bucket is full", "no room for a pin", "restored"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    let made = full.cluster.nodes[0].command(&["snapshot", "create"]).await;
    let told = String::from_utf8(made.stderr).unwrap();
    assert_eq!(made.status.code(), Some(1), "{told}");
    assert!(told.contains("No space left on device"), "{told}");

    full.kill("a").await;
    full.kill("b").await;
    let plan = full.command(&["recover", "--plan"]).await;
    assert!(plan.contains("restored"), "{plan}");
    let to = full.cluster.dir.path().join("exported");
    let to = to.to_str().unwrap();
    full.command(&["snapshot", "export", "--to", to]).await;
    let checked = full.command(&["check", "--connect"]).await;
    assert!(checked.contains("the bucket is full"), "{checked}");
    full.cluster.node("a").start();
    full.cluster.node("b").start();
    all_exist(&full.client, &full.puts).await;
    full.until_both_in_sync().await;

    fs::remove_file(ballast).unwrap();
    // More than the layers of one base and those that are kept.
    for number in 1000..1012 {
        put_all(&full.client, &objects(number..number + 1, 32)).await;
        snapshot(&full.cluster.nodes[0]).await;
    }
    until_collected(&oldest).await;
    all_exist(&full.client, &full.puts).await;
    full.cluster.verify_log().await;
}
