use std::fs;
use std::path::{Path, PathBuf};

use standfast::node::NodeStatus;

use crate::http;
use crate::node::TestNode;
use crate::support::{TestCluster, in_sync};
use crate::watch::{scrape, until_moved};

/// Every part of every snapshot.
fn parts(cluster: &TestCluster) -> Vec<PathBuf> {
    let uploads = files(&cluster.dir.path().join("bucket/test/parts"));
    uploads.iter().flat_map(|upload| files(upload)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn is_ready(node: &TestNode) -> u16 {
    http::get(&node.http, "/health/ready").await.0
}

/// What `status` says.
async fn told(node: &TestNode) -> String {
    let told = node.command(&["status"]).await;
    String::from_utf8(told.stdout).unwrap()
}

async fn made(node: &TestNode) {
    let made = node.command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
}

/// What both say of themselves when both are in sync.
async fn status(cluster: &TestCluster) -> (NodeStatus, NodeStatus) {
    let status = cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    let mut nodes = status.nodes.into_iter();
    (nodes.next().unwrap(), nodes.next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_ready_when_it_has_proved_that_the_stores_recover_and_tells_when_they_do_not()
{
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    for node in &cluster.nodes {
        let asked = "[drill]\nevery = \"1s\"\nready_within = \"1h\"\n";
        let text = fs::read_to_string(&node.config).unwrap() + asked;
        fs::write(&node.config, text).unwrap();
    }
    cluster.initialise().await;
    cluster.nodes[0].start();
    let alone = |status: &standfast::node::ClusterStatus| in_sync(status) == 1;
    cluster.until("a to lead", alone).await;
    let load = cluster.load(41).await;
    made(&cluster.nodes[0]).await;
    for part in parts(&cluster) {
        let mut bytes = fs::read(&part).unwrap();
        bytes[20] ^= 1;
        fs::write(&part, bytes).unwrap();
    }
    // The log is complete: it follows all the same.
    cluster.nodes[1].start();
    let b = &cluster.nodes[1];
    status(&cluster).await;
    until_moved(b, &[("standfast_drill_failures_total", &[])]).await;
    let (primary, standby) = status(&cluster).await;
    assert_eq!(primary.drill, None, "it leads");
    let drill = standby.drill.unwrap();
    assert_eq!(drill.last_proven_seq, None);
    assert!(drill.problem.unwrap().contains("part"));
    let unproved = http::value(&scrape(b).await, "standfast_last_proven_seq", &[]);
    assert_eq!(unproved, Some(0.0));
    assert!(told(b).await.contains("a recovery, which FAILED"));
    assert_eq!(
        (is_ready(&cluster.nodes[0]).await, is_ready(b).await),
        (200, 503)
    );

    made(b).await;
    load.acknowledged_more(500).await;
    let proved = [
        ("standfast_last_proven_seq", &[] as &[_]),
        ("standfast_last_proven_time_seconds", &[]),
        ("standfast_measured_rto_seconds", &[]),
    ];
    until_moved(b, &proved).await;
    let (_, standby) = status(&cluster).await;
    let drill = standby.drill.unwrap();
    assert_eq!(drill.problem, None);
    assert!(drill.last_proven_seq.unwrap() <= standby.applied_seq);
    assert!(drill.measured_rto_seconds.unwrap() > 0.0);
    assert!(told(b).await.contains("has proved at"));
    assert_eq!(is_ready(b).await, 200);
    assert_eq!(load.verdict(&cluster).await.missing, []);
}
