//! Two nodes over one RocksDB: whoever holds its lock leads.

use std::time::Duration;

use tokio::time::Instant;

use crate::kill::kill_primaries;
use crate::node::TestNode;
use crate::support::{TestCluster, in_sync};

async fn start() -> TestCluster {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_rocksdb();
    cluster.launch().await;
    cluster
}

fn other(name: &str) -> &'static str {
    if name == "a" { "b" } else { "a" }
}

/// Waits until the log of a node says this.
async fn until_said(node: &TestNode, what: &str) {
    let give_up = Instant::now() + Duration::from_mins(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while !node.log_text().contains(what) {
        assert!(Instant::now() < give_up, "{what}: {}", node.log_text());
        ticks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_on_a_rocksdb_loses_nothing_that_it_acknowledged_however_often() {
    let mut cluster = start().await;
    let load = cluster.load(31).await;
    kill_primaries(&mut cluster, &load).await;
    cluster.lost_nothing(load).await;
}

/// The lock cannot be taken from a process that stands still: the standby says whose it is, and what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_on_a_rocksdb_is_named_by_its_standby_and_replaced_when_it_is_killed() {
    let mut cluster = start().await;
    let load = cluster.load(32).await;
    let leader = cluster.leader().await;
    cluster.node(&leader).signal("STOP");
    let pid = cluster.node(&leader).pid();
    let standby = cluster.node(other(&leader));
    until_said(standby, &format!("process {pid}, which stands still")).await;
    cluster.node(&leader).kill().await;
    load.acknowledged_more(1000).await;
    assert_eq!(cluster.leader().await, other(&leader));
    cluster.node(&leader).start();
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_on_a_rocksdb_that_thaws_gives_the_lock_up_and_nothing_is_lost() {
    let mut cluster = start().await;
    let load = cluster.load(33).await;
    let leader = cluster.leader().await;
    cluster.node(&leader).signal("STOP");
    let standby = cluster.node(other(&leader));
    until_said(standby, "which stands still").await;
    cluster.node(&leader).signal("CONT");
    load.acknowledged_more(1000).await;
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_standby_on_a_rocksdb_holds_nobody_up_and_catches_up() {
    let mut cluster = start().await;
    let load = cluster.load(34).await;
    let leader = cluster.leader().await;
    let standby = other(&leader);
    cluster.node(standby).signal("STOP");
    load.acknowledged_more(3000).await;
    cluster.node(standby).signal("CONT");
    load.acknowledged_more(1000).await;
    cluster.lost_nothing(load).await;
    assert_eq!(cluster.leader().await, leader);
}
