//! Writes that are acknowledged when the standbys' own logs have them: any standby in sync takes over, and nothing is lost.

use std::fs;

use standfast::node::{ClusterStatus, NodeStatus, StandbyStatus};
use standfast_core::{NodeId, Role};

#[cfg(all(feature = "rocksdb", feature = "etcd"))]
use crate::etcd::members::Members;
use crate::http;
use crate::metric::until;

#[cfg(all(feature = "rocksdb", feature = "etcd"))]
use crate::stream::on_rocksdb_and_etcd;
use crate::stream::{all_the_same, leads, log_dir, prepared_with, ran, started};
use crate::support::TestCluster;

/// `[replication]` of each node, beside mode and founder.
fn replicates(text: &str, more: &str) -> String {
    let turned = text
        .replace(
            "failover = \"manual\"\n[oplog]",
            "[oplog]\nack = \"replicated\"",
        )
        .replace(
            "mode = \"stream\"\n",
            &format!("mode = \"stream\"\n{more}\n"),
        );
    assert!(turned.contains("ack = \"replicated\""), "{turned}");
    turned
}

async fn start(names: &[&str], more: &str) -> TestCluster {
    let cluster = started(prepared_with(names, "4MiB", |text| replicates(text, more)).await).await;
    is_set(&cluster, names).await;
    cluster
}

fn primary(status: &ClusterStatus) -> Option<&NodeStatus> {
    let leader = status.leader.as_ref()?;
    status.nodes.iter().find(|node| node.id == *leader)
}

fn set(status: &ClusterStatus) -> Vec<&str> {
    primary(status).map_or_else(Vec::new, |primary| {
        primary.in_sync_set.iter().map(NodeId::as_str).collect()
    })
}

/// Waits until the primary acknowledges what just these nodes have.
async fn is_set(cluster: &TestCluster, names: &[&str]) {
    let what = format!("the in-sync set {names:?}");
    cluster.until(&what, |status| set(status) == names).await;
}

/// Waits until the primary says that it has too few standbys.
async fn is_short(cluster: &TestCluster, what: &str) {
    let says = |status: &ClusterStatus| {
        let said = primary(status).and_then(|primary| primary.too_few_in_sync.as_deref());
        said.is_some_and(|said| said.contains(what))
    };
    cluster.until(what, says).await;
}

/// Waits until a gauge of a node has a value.
async fn shows(cluster: &TestCluster, node: &str, gauge: &str, value: f64) {
    let node = cluster.nodes.iter().find(|other| other.name == node);
    until(node.unwrap(), gauge, |shown| (shown - value).abs() < 0.5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced_by_a_standby_in_sync_and_nothing_is_lost() {
    let names = ["a", "b", "c"];
    let mut cluster = start(&names, "").await;
    let load = cluster.load(91).await;
    for _ in 0..3 {
        load.acknowledged_more(1000).await;
        let old = cluster.leader().await;
        cluster.node(&old).kill().await;
        load.acknowledged_more(1000).await;
        assert_ne!(cluster.leader().await, old);
        cluster.node(&old).start();
        is_set(&cluster, &names).await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    let holds = |standby: &&StandbyStatus| standby.unsynced_entries == 0;
    cluster
        .until("the primary sees that both have all", |status| {
            primary(status)
                .is_some_and(|primary| primary.standbys.iter().filter(holds).count() == 2)
        })
        .await;
}

/// Its lease runs out, a standby leads, and what it wrote last and nobody acknowledged is cut when it follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_is_replaced_and_follows_when_it_thaws() {
    let names = ["a", "b", "c"];
    let mut cluster = start(&names, "").await;
    let load = cluster.load(92).await;
    for _ in 0..2 {
        load.acknowledged_more(1000).await;
        let old = cluster.leader().await;
        cluster.node(&old).signal("STOP");
        load.acknowledged_more(1000).await;
        cluster.node(&old).signal("CONT");
        is_set(&cluster, &names).await;
        assert_ne!(cluster.leader().await, old);
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_owes_its_answer_is_no_member_until_it_has_caught_up() {
    let names = ["a", "b", "c"];
    let mut cluster = start(&names, "member_timeout = \"100ms\"").await;
    let load = cluster.load(93).await;
    load.acknowledged_more(1000).await;
    cluster.node("b").signal("STOP");
    is_set(&cluster, &["a", "c"]).await;
    load.acknowledged_more(1000).await;
    shows(&cluster, "a", "standfast_in_sync_members", 2.0).await;
    cluster.node("b").signal("CONT");
    is_set(&cluster, &names).await;
    shows(&cluster, "a", "standfast_in_sync_members", 3.0).await;
    load.acknowledged_more(1000).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    let (_, metrics) = http::get(&cluster.node("a").http.clone(), "/metrics").await;
    let changes = http::value(&metrics, "standfast_in_sync_changes_total", &[]);
    assert!(changes >= Some(3.0), "{changes:?}");
}

/// What the primary alone had was acknowledged to nobody: the standby that leads next does not have it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_frozen_standby_lacks_was_never_acknowledged() {
    let mut cluster = start(&["a", "b"], "").await;
    let load = cluster.load(99).await;
    for (old, new) in [("a", "b"), ("b", "a")] {
        load.acknowledged_more(500).await;
        cluster.node(new).signal("STOP");
        is_short(&cluster, "owes its answer: writes wait").await;
        cluster.node(old).kill().await;
        cluster.node(new).signal("CONT");
        let leads = |node: &NodeStatus| node.id.as_str() == new && node.role == Role::Promoting;
        cluster
            .until("it waits for the other", |status| {
                status.nodes.iter().any(leads)
            })
            .await;
        cluster.node(old).start();
        load.acknowledged_more(500).await;
        assert_eq!(cluster.leader().await, new);
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

/// A node whose log may lack something leads under no circumstances, and one that lacks nothing does as soon as another has
/// what it has.
#[tokio::test(flavor = "multi_thread")]
async fn with_too_few_standbys_writes_wait_and_only_a_member_leads_afterwards() {
    let names = ["a", "b", "c"];
    let mut cluster = start(&names, "").await;
    let load = cluster.load(94).await;
    load.acknowledged_more(500).await;
    cluster.node("b").kill().await;
    is_set(&cluster, &["a", "c"]).await;
    load.acknowledged_more(500).await;

    cluster.node("c").kill().await;
    is_short(
        &cluster,
        "0 of 1 standbys are in sync, c is away: writes wait",
    )
    .await;
    let before = load.meter.progress().acknowledged;
    shows(&cluster, "a", "standfast_in_sync_too_few", 1.0).await;
    is_set(&cluster, &["a", "c"]).await;
    assert_eq!(load.meter.progress().acknowledged, before);

    cluster.node("a").kill().await;
    cluster.node("b").start();
    cluster
        .until_log(
            "b",
            "may lack what was acknowledged; it is complete on a, c",
        )
        .await;
    cluster.node("c").start();
    load.acknowledged_more(500).await;
    assert_eq!(cluster.leader().await, "c");
    cluster.node("a").start();
    is_set(&cluster, &names).await;
    shows(&cluster, "c", "standfast_in_sync_too_few", 0.0).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_alarm_instead_the_primary_goes_on_alone() {
    let mut cluster = start(&["a", "b"], "on_too_few = \"alarm\"").await;
    let load = cluster.load(95).await;
    cluster.node("b").kill().await;
    is_set(&cluster, &["a"]).await;
    load.acknowledged_more(1000).await;
    is_short(&cluster, "acknowledged all the same").await;
    shows(&cluster, "a", "standfast_in_sync_too_few", 1.0).await;
    cluster.node("b").start();
    is_set(&cluster, &["a", "b"]).await;
    shows(&cluster, "a", "standfast_in_sync_too_few", 0.0).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

/// What the old disk held is not on the new one: that it is a member of the set says nothing about this log.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_on_an_empty_disk_leads_nothing_and_becomes_a_member_again() {
    let mut cluster = start(&["a", "b"], "").await;
    let load = cluster.load(96).await;
    load.acknowledged_more(500).await;
    for name in ["a", "b"] {
        cluster.node(name).kill().await;
    }
    fs::remove_dir_all(log_dir(&cluster, "b")).unwrap();
    fs::remove_dir_all(cluster.dir.path().join("data-b")).unwrap();
    ran(cluster.node("b"), &["cluster", "init"]).await;
    cluster.node("b").start();
    cluster.until_log("b", "is that of another disk").await;
    cluster.node("a").start();
    load.acknowledged_more(500).await;
    is_set(&cluster, &["a", "b"]).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    assert_eq!(cluster.leader().await, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_is_handed_over_to_a_member_and_by_a_primary_that_is_told_to_stop() {
    let names = ["a", "b", "c"];
    let mut cluster = start(&names, "").await;
    let load = cluster.load(97).await;
    for (from, to) in [("a", "b"), ("b", "c")] {
        ran(cluster.node(from), &["switchover", "--to", to]).await;
        cluster
            .until("the successor", |status| leads(status, to))
            .await;
        load.acknowledged_more(1000).await;
        is_set(&cluster, &names).await;
    }
    cluster.node("c").signal("TERM");
    let mut stopped = cluster.node("c").child.take().unwrap();
    assert!(stopped.wait().await.unwrap().success());
    load.acknowledged_more(1000).await;
    cluster.node("c").start();
    is_set(&cluster, &names).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

/// It leads, and waits for a standby before its term can begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_waits_for_standbys_says_so_and_stops_when_it_is_told_to() {
    let mut cluster = prepared_with(&["a", "b"], "4MiB", |text| replicates(text, "")).await;
    cluster.node("a").start();
    cluster
        .until("a waits", |status| {
            let waits =
                |node: &NodeStatus| node.role == Role::Promoting && node.too_few_in_sync.is_some();
            status.nodes.iter().any(waits)
        })
        .await;
    let said = ran(cluster.node("a"), &["status"]).await;
    assert!(
        said.contains("a: 0 of 1 standbys are in sync: writes wait"),
        "{said}"
    );
    cluster.node("a").signal("TERM");
    let mut stopped = cluster.node("a").child.take().unwrap();
    assert!(stopped.wait().await.unwrap().success());
}

/// It reaches the election, and no standby reaches it: what it advertises is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_no_standby_reaches_gives_its_term_up_to_them() {
    let mut cluster = prepared_with(&["a", "b", "c"], "4MiB", |text| replicates(text, "")).await;
    let b = cluster.node("b").config.clone();
    let text = fs::read_to_string(&b).unwrap();
    fs::write(
        &b,
        text.replace("[node]\n", "[node]\nadvertise = \"127.0.0.1:1\"\n"),
    )
    .unwrap();
    for node in &mut cluster.nodes {
        node.start();
    }
    is_set(&cluster, &["a", "b", "c"]).await;
    let load = cluster.load(100).await;
    load.acknowledged_more(500).await;
    drop(
        cluster
            .node("a")
            .command(&["switchover", "--to", "b"])
            .await,
    );
    load.acknowledged_more(500).await;
    assert_ne!(cluster.leader().await, "b");
    cluster.until_log("b", "the term is given up to it").await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
}

/// Each node's log is a RocksDB of its own; the nodes that are killed stay away until another leads.
#[cfg(all(feature = "rocksdb", feature = "etcd"))]
#[tokio::test(flavor = "multi_thread")]
async fn with_a_rocksdb_each_and_an_etcd_a_standby_takes_over_and_nothing_is_lost() {
    let names = ["a", "b", "c"];
    let members = Members::start();
    let etcd = members.settings();
    let mut cluster = started(
        prepared_with(&names, "4MiB", |text| {
            on_rocksdb_and_etcd(&replicates(text, ""), &etcd)
        })
        .await,
    )
    .await;
    is_set(&cluster, &names).await;
    let load = cluster.load(98).await;
    for _ in 0..2 {
        load.acknowledged_more(1000).await;
        let old = cluster.leader().await;
        cluster.node(&old).kill().await;
        load.acknowledged_more(1000).await;
        cluster.node(&old).start();
        is_set(&cluster, &names).await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}
