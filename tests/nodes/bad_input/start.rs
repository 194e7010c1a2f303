use std::fs;
use std::net::TcpListener;

use super::memory_disk::MemoryDisk;
use super::{edit, refusal};
use crate::support::TestCluster;

async fn initialised(names: &[&str]) -> TestCluster {
    let cluster = TestCluster::prepare(names, "1h");
    cluster.initialise().await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_never_initialised_is_not_begun_by_the_way() {
    let cluster = TestCluster::prepare(&["a"], "1h");
    let told = refusal(&cluster.nodes[0]).await;
    assert!(
        told.contains("cluster `test` was never initialised"),
        "{told}"
    );
    assert!(
        told.contains("run `standfast cluster init --config F`"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_only_read_make_nothing_at_a_mistyped_path() {
    let cluster = TestCluster::prepare(&["a"], "1h");
    let files = || {
        let entries = fs::read_dir(cluster.dir.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    for command in [
        &["oplog", "verify"][..],
        &["oplog", "inspect"],
        &["snapshot", "list"],
        &["snapshot", "verify"],
        &["status"],
        &["check", "--connect"],
    ] {
        let done = cluster.nodes[0].command(command).await;
        assert!(!done.status.success(), "{command:?}: {done:?}");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            told.contains("there is no directory"),
            "{command:?}: {told}"
        );
        assert!(told.contains("cluster init"), "{command:?}: {told}");
        assert_eq!(files(), before, "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_dir_that_is_a_file_or_cannot_be_made_is_named() {
    let cluster = initialised(&["a", "b"]).await;
    let [a, b] = &cluster.nodes[..] else {
        panic!("two nodes");
    };
    fs::write(&a.data_dir, "something else").unwrap();
    let told = refusal(a).await;
    assert!(
        told.contains(&format!("[node] data_dir = \"{}\"", a.data_dir.display())),
        "{told}"
    );
    assert!(told.contains("is a file"), "{told}");
    // Nobody makes directories there, root included.
    edit(b, "\"data-b\"", "\"/proc/data-b\"");
    let told = refusal(b).await;
    assert!(
        told.contains("[node] data_dir = \"/proc/data-b\" cannot be written"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_may_not_be_written_is_named() {
    let cluster = TestCluster::prepare(&["a"], "1h");
    let node = &cluster.nodes[0];
    let disk = ["data-a", "log", "election", "bucket"]
        .map(|name| (name, MemoryDisk::mount(&cluster.dir.path().join(name))));
    cluster.initialise().await;
    // From the last to the first that a node looks at, so that each is the one it stumbles over.
    for (name, section) in [
        ("bucket", "[snapshots]"),
        ("election", "[election]"),
        ("log", "[oplog]"),
        ("data-a", "[node] data_dir"),
    ] {
        let (_, disk) = disk.iter().find(|(own, _)| *own == name).unwrap();
        disk.make_read_only();
        let told = refusal(node).await;
        assert!(told.contains(section), "{name}: {told}");
        assert!(
            told.contains(disk.path().to_str().unwrap()),
            "{name}: {told}"
        );
        assert!(told.contains("Read-only file system"), "{name}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_of_two_clusters_are_refused_and_both_are_named() {
    let cluster = initialised(&["a"]).await;
    let other = TestCluster::prepare(&["a"], "1h");
    edit(&other.nodes[0], "\"test\"", "\"other\"");
    other.initialise().await;
    let election = other.dir.path().join("election");
    edit(
        &cluster.nodes[0],
        "\"election\"",
        &format!("\"{}\"", election.display()),
    );
    let told = refusal(&cluster.nodes[0]).await;
    assert!(told.contains("another cluster's data"), "{told}");
    for dir in [cluster.dir.path().join("log"), election] {
        let record = fs::read_to_string(dir.join("cluster")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        let fingerprint = record["fingerprint"].as_str().unwrap();
        assert!(told.contains(fingerprint), "{fingerprint} in {told}");
    }
    assert!(
        told.contains("[oplog]") && told.contains("[election]"),
        "{told}"
    );
    assert!(told.contains("point one of them elsewhere"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_dir_of_another_cluster_is_refused() {
    let mut cluster = TestCluster::start(&["a"]).await;
    // It is written behind the back of the term.
    let mark = cluster.nodes[0].data_dir.join("high-water");
    cluster.until("its mark", |_| mark.exists()).await;
    cluster.nodes[0].kill().await;
    let other = initialised(&["b"]).await;
    let data_dir = format!("\"{}\"", cluster.nodes[0].data_dir.display());
    edit(&other.nodes[0], "\"data-b\"", &data_dir);
    let told = refusal(&other.nodes[0]).await;
    assert!(told.contains("another cluster's data"), "{told}");
    assert!(told.contains("data-a"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_its_key() {
    let cluster = initialised(&["a"]).await;
    let node = &cluster.nodes[0];
    for (key, address) in [("listen", &node.endpoint), ("http", &node.http)] {
        let held = TcpListener::bind(address).unwrap();
        let told = refusal(node).await;
        assert!(
            told.contains(&format!("[node] {key} = \"{address}\"")),
            "{told}"
        );
        assert!(
            told.contains("choose another port, or stop what uses it"),
            "{told}"
        );
        drop(held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_with_the_same_id_is_refused_and_the_first_goes_on() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let twin = TestCluster::prepare(&["b"], "1h");
    let node = &twin.nodes[0];
    for store in ["log", "election", "bucket"] {
        let there = cluster.dir.path().join(store);
        edit(
            node,
            &format!(" = \"{store}\""),
            &format!(" = \"{}\"", there.display()),
        );
    }
    // `type = "bucket"` is no path.
    let there = cluster.dir.path().join("bucket");
    edit(
        node,
        &format!("type = \"{}\"", there.display()),
        "type = \"bucket\"",
    );
    edit(node, "id = \"b\"", "id = \"a\"");
    let told = refusal(node).await;
    let pid = cluster.nodes[0].pid();
    assert!(
        told.contains(&format!(
            "node `a` is registered by the living process {pid}"
        )),
        "{told}"
    );
    assert!(told.contains("another `[node] id`"), "{told}");
    assert_eq!(cluster.leader().await, "a");
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_in_the_same_data_dir_is_refused_and_the_first_goes_on() {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let third = TestCluster::prepare(&["c"], "1h");
    let node = &third.nodes[0];
    edit(
        node,
        "\"data-c\"",
        &format!("\"{}\"", cluster.nodes[0].data_dir.display()),
    );
    let told = refusal(node).await;
    let (dir, pid) = (cluster.nodes[0].data_dir.display(), cluster.nodes[0].pid());
    assert!(
        told.contains(&format!("\"{dir}\" is in use by process {pid}")),
        "{told}"
    );
    assert!(told.contains("a data_dir of its own"), "{told}");
    cluster
        .until("both in sync", |status| {
            crate::support::in_sync(status) == 2
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_another_name_is_refused_by_init_and_by_serve() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    cluster.nodes[1].kill().await;
    edit(&cluster.nodes[1], "id = \"test\"", "id = \"tset\"");
    let init = cluster.nodes[1].command(&["cluster", "init"]).await;
    assert_eq!(init.status.code(), Some(1));
    for told in [
        String::from_utf8_lossy(&init.stderr).into_owned(),
        refusal(&cluster.nodes[1]).await,
    ] {
        assert!(told.contains("of another name than `tset`"), "{told}");
        assert!(told.contains("correct [cluster] id"), "{told}");
    }
}
