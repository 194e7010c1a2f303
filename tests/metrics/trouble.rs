use std::fs;
use std::path::Path;

use crate::http;
use crate::support::{RunningLoad, TestCluster};
use crate::watch::until_moved;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Puts a file where a directory was.
fn spoil(dir: &Path) {
    // At once: a node that still writes there would put files into what is being emptied.
    fs::rename(dir, dir.with_extension("gone")).unwrap();
    fs::write(dir, "no directory").unwrap();
}

async fn snapshots(cluster: &TestCluster, load: &RunningLoad) {
    for _ in 0..3 {
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
        load.acknowledged_more(200).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_vanish_under_a_node_are_counted_and_it_serves_on() {
    let cluster = TestCluster::start(&["a"]).await;
    let node = &cluster.nodes[0];
    let load = cluster.load(23).await;
    spoil(&node.data_dir);
    spoil(&cluster.dir.path().join("log/floors"));
    snapshots(&cluster, &load).await;
    spoil(&cluster.dir.path().join("election/nodes"));
    let failures = [
        ("standfast_high_water_failures_total", &[] as &[_]),
        ("standfast_trim_failures_total", &[]),
        ("standfast_register_failures_total", &[]),
        (
            "standfast_store_errors_total",
            &["store=\"election\"", "operation=\"update\""],
        ),
    ];
    until_moved(node, &failures).await;
    load.acknowledged_more(100).await;
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_put_back_to_yesterday_is_served_by_nobody() {
    let cluster = TestCluster::start(&["a"]).await;
    let node = &cluster.nodes[0];
    let segments = cluster.dir.path().join("log/segments");
    let yesterday = cluster.dir.path().join("yesterday");
    copy(&segments, &yesterday);
    drop(cluster.load(24).await);
    fs::remove_dir_all(&segments).unwrap();
    copy(&yesterday, &segments);
    // What it writes now goes to files that are gone; the next term looks at those that are there.
    let stepped = node.command(&["step-down"]).await;
    assert!(stepped.status.success(), "{stepped:?}");
    let stands = [
        ("standfast_states_dropped_total", &[] as &[_]),
        ("standfast_promotions_failed_total", &[]),
        ("standfast_role", &["failed"]),
    ];
    until_moved(node, &stands).await;
    let verified = node.command(&["oplog", "verify"]).await;
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(1), "{told}");
    assert!(told.contains("this node has seen"), "{told}");
    for (path, code) in [
        ("/health/live", 200),
        ("/health/ready", 503),
        ("/health/primary", 503),
    ] {
        assert_eq!(http::get(&node.http, path).await.0, code, "{path}");
    }
}
