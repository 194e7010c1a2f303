//! Nodes with logs of their own: the primary sends its log to the standbys, and leads again when it comes back.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use standfast::node::ClusterStatus;
use standfast_backends::{FileElection, FileOpLog};
use standfast_core::{
    BatchBuilder, BatchEnd, ByteSize, Candidate, Clock, ElectionBackend, Entry, EntryId, Epoch,
    EpochStart, NodeId, OpLogStore, OpType, Versions,
};

#[cfg(all(feature = "rocksdb", feature = "etcd"))]
use crate::etcd::members::Members;
use crate::http;
use crate::node::TestNode;
use crate::support::{TestCluster, in_sync, same_state};

/// Nodes that were prepared get a log each; the first of them leads first.
fn turn_to_streams(cluster: &TestCluster, segment_size: &str) {
    let founder = &cluster.nodes[0].name;
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        let own = format!(
            "dir = \"log-{}\"\nsegment_size = \"{segment_size}\"",
            node.name
        );
        let turned = text
            .replace("dir = \"log\"\nsegment_size = \"4MiB\"", &own)
            .replace("[oplog]", "failover = \"manual\"\n[oplog]");
        assert!(turned.contains(&own), "{turned}");
        let streams =
            format!("{turned}[replication]\nmode = \"stream\"\nfounder = \"{founder}\"\n");
        fs::write(&node.config, streams).unwrap();
    }
}

pub(crate) async fn prepared(names: &[&str], segment_size: &str) -> TestCluster {
    prepared_with(names, segment_size, str::to_owned).await
}

/// The same with other stores.
pub(crate) async fn prepared_with(
    names: &[&str],
    segment_size: &str,
    turn: impl Fn(&str) -> String,
) -> TestCluster {
    let cluster = TestCluster::prepare(names, "1h");
    turn_to_streams(&cluster, segment_size);
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        fs::write(&node.config, turn(&text)).unwrap();
        ran(node, &["cluster", "init"]).await;
    }
    cluster
}

pub(crate) async fn start(names: &[&str]) -> TestCluster {
    started(prepared(names, "4MiB").await).await
}

pub(crate) async fn started(mut cluster: TestCluster) -> TestCluster {
    for node in &mut cluster.nodes {
        node.start();
    }
    let count = cluster.nodes.len();
    cluster
        .until("all in sync", |status| in_sync(status) == count)
        .await;
    cluster
}

pub(crate) async fn ran(node: &TestNode, words: &[&str]) -> String {
    let output = node.command(words).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn log_dir(cluster: &TestCluster, node: &str) -> PathBuf {
    cluster.dir.path().join(format!("log-{node}"))
}

async fn inspect(node: &TestNode) -> Value {
    let told = ran(node, &["oplog", "inspect", "-o", "json"]).await;
    serde_json::from_str(&told).unwrap()
}

/// Nothing is missing, the states are the same, and each node's log is whole and ends where the others do.
pub(crate) async fn all_the_same(cluster: &TestCluster) {
    let count = cluster.nodes.len();
    cluster
        .until("the same state", |status| same_state(status, count))
        .await;
    let mut tails = Vec::new();
    for node in &cluster.nodes {
        ran(node, &["oplog", "verify"]).await;
        tails.push(inspect(node).await["tail"].clone());
    }
    assert!(tails.iter().all(|tail| *tail == tails[0]), "{tails:#?}");
}

pub(crate) fn leads(status: &ClusterStatus, node: &str) -> bool {
    status
        .leader
        .as_ref()
        .is_some_and(|leader| leader.as_str() == node)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_with_a_log_of_its_own_leads_again_and_nothing_is_lost() {
    let mut cluster = start(&["a", "b"]).await;
    let load = cluster.load(71).await;
    for _ in 0..2 {
        cluster.node("a").kill().await;
        cluster
            .until("nobody leads", |status| status.leader.is_none())
            .await;
        cluster.node("a").start();
        load.acknowledged_more(1000).await;
        cluster
            .until("both in sync", |status| in_sync(status) == 2)
            .await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    assert_eq!(cluster.leader().await, "a");
    let (_, metrics) = http::get(&cluster.node("b").http.clone(), "/metrics").await;
    let kind = ["kind=\"unavailable\""];
    assert!(http::value(&metrics, "standfast_stream_breaks_total", &kind) >= Some(2.0));
    let told = cluster.node("b").log_text();
    assert!(!told.contains("role=Promoting"), "{told}");
    assert!(told.contains("it is complete on a"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_handed_over_under_load_and_only_who_holds_it_leads() {
    let mut cluster = start(&["a", "b"]).await;
    let load = cluster.load(72).await;
    for (from, to) in [("a", "b"), ("b", "a"), ("a", "b")] {
        ran(cluster.node(from), &["switchover", "--to", to]).await;
        cluster
            .until("the successor", |status| leads(status, to))
            .await;
        load.acknowledged_more(1000).await;
        // Who has handed over waits, and who has the seat leads again.
        cluster.node(to).kill().await;
        cluster
            .until("nobody leads", |status| status.leader.is_none())
            .await;
        cluster.node(to).start();
        load.acknowledged_more(1000).await;
        assert_eq!(cluster.leader().await, to);
        cluster
            .until("both in sync", |status| in_sync(status) == 2)
            .await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_told_to_stop_hands_its_seat_over() {
    let mut cluster = start(&["a", "b"]).await;
    let load = cluster.load(73).await;
    cluster.node("a").signal("TERM");
    cluster
        .node("a")
        .child
        .take()
        .unwrap()
        .wait()
        .await
        .unwrap();
    load.acknowledged_more(1000).await;
    assert_eq!(cluster.leader().await, "b");
    cluster.node("a").start();
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    assert_eq!(cluster.leader().await, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn standbys_that_are_frozen_or_killed_hold_nobody_up_and_catch_up() {
    let mut cluster = start(&["a", "b", "c"]).await;
    let load = cluster.load(74).await;
    cluster.node("b").signal("STOP");
    cluster.node("c").kill().await;
    load.acknowledged_more(5000).await;
    cluster.node("b").signal("CONT");
    cluster.node("c").start();
    load.acknowledged_more(1000).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    assert_eq!(cluster.leader().await, "a");
}

/// Each node's log a RocksDB, and who leads in an etcd.
#[cfg(all(feature = "rocksdb", feature = "etcd"))]
pub(crate) fn on_rocksdb_and_etcd(text: &str, etcd: &str) -> String {
    let (before, rest) = text.split_once("segment_size").unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    let (log, dir) = before.rsplit_once("type = \"file\"").unwrap();
    let election = "type = \"file\"\ndir = \"election\"";
    format!("{log}type = \"rocksdb\"{dir}{after}").replace(election, etcd)
}

/// Each node's log is a RocksDB that only its process opens; who leads is known to an etcd.
#[cfg(all(feature = "rocksdb", feature = "etcd"))]
#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_with_a_rocksdb_each_and_an_etcd_lose_nothing() {
    let members = Members::start();
    let etcd = members.settings();
    let turn = |text: &str| on_rocksdb_and_etcd(text, &etcd);
    let mut cluster = prepared_with(&["a", "b", "c"], "4MiB", turn).await;
    for node in &mut cluster.nodes {
        node.start();
    }
    cluster
        .until("all in sync", |status| in_sync(status) == 3)
        .await;
    let load = cluster.load(81).await;
    for (from, to) in [("a", "b"), ("b", "c")] {
        cluster.node(from).kill().await;
        cluster.node(from).start();
        load.acknowledged_more(1000).await;
        cluster
            .until("all in sync", |status| in_sync(status) == 3)
            .await;
        ran(cluster.node(from), &["switchover", "--to", to]).await;
        cluster
            .until("the successor", |status| leads(status, to))
            .await;
        load.acknowledged_more(1000).await;
    }
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
}

/// Its lease runs out, nobody else may lead, and it leads again in another term.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_is_replaced_by_nobody_and_leads_again_when_it_thaws() {
    let mut cluster = start(&["a", "b"]).await;
    let load = cluster.load(75).await;
    let before = cluster.epoch().await;
    cluster.node("a").signal("STOP");
    cluster
        .until("nobody leads", |status| status.leader.is_none())
        .await;
    cluster.node("a").signal("CONT");
    load.acknowledged_more(1000).await;
    assert!(cluster.epoch().await >= before);
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    assert_eq!(cluster.leader().await, "a");
}

/// A disk that was replaced: its log has another id, and so no seat.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_an_empty_disk_follows_from_a_snapshot_and_the_old_seat_is_not_its() {
    let mut cluster = started(prepared(&["a", "b"], "64KiB").await).await;
    let load = cluster.load(76).await;
    ran(cluster.node("a"), &["switchover", "--to", "b"]).await;
    cluster
        .until("the successor", |status| leads(status, "b"))
        .await;
    cluster.node("a").kill().await;
    load.acknowledged_more(1000).await;
    // Until the log does not begin at its beginning any more. Who led a moment ago gives its snapshotter up, and says so.
    let mut made = 0;
    while inspect(cluster.node("b")).await["floor"] == 1 {
        made += 1;
        assert!(made < 100, "never trimmed");
        drop(cluster.node("b").command(&["snapshot", "create"]).await);
        load.acknowledged_more(1000).await;
    }
    fs::remove_dir_all(log_dir(&cluster, "a")).unwrap();
    fs::remove_dir_all(cluster.dir.path().join("data-a")).unwrap();
    ran(cluster.node("a"), &["cluster", "init"]).await;
    cluster.node("a").start();
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    load.acknowledged_more(1000).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    let (a, b) = (
        inspect(&cluster.nodes[0]).await,
        inspect(&cluster.nodes[1]).await,
    );
    assert_eq!(a["tail"], b["tail"]);
    assert!(a["floor"].as_u64().unwrap() > 1, "{a:#}");

    // The node with the seat loses its disk: nobody leads, and both say why.
    cluster.node("b").kill().await;
    fs::remove_dir_all(log_dir(&cluster, "b")).unwrap();
    ran(cluster.node("b"), &["cluster", "init"]).await;
    cluster.node("b").start();
    cluster.until_log("b", "is that of another disk").await;
    cluster.until_log("a", "it is complete on b").await;
    cluster
        .until("nobody leads", |status| status.leader.is_none())
        .await;
}

/// The primary's trims are the standbys' as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_standbys_log_is_trimmed_with_the_primarys() {
    let mut cluster = started(prepared(&["a", "b"], "64KiB").await).await;
    let load = cluster.load(77).await;
    while inspect(cluster.node("b")).await["floor"] == 1 {
        ran(cluster.node("a"), &["snapshot", "create"]).await;
        load.acknowledged_more(1000).await;
    }
    // A stream that is opened again goes on where the standby stands by now, not where it began.
    cluster.node("a").kill().await;
    cluster
        .until("nobody leads", |status| status.leader.is_none())
        .await;
    let (ready, _) = http::get(&cluster.node("b").http.clone(), "/health/ready").await;
    assert_ne!(ready, 200, "nobody can say that its state is the newest");
    cluster.node("a").start();
    load.acknowledged_more(1000).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    let (_, metrics) = http::get(&cluster.node("b").http.clone(), "/metrics").await;
    assert_eq!(
        http::value(&metrics, "standfast_fell_behind_total", &[]),
        None
    );
}

/// Wins the election as `b` while nobody runs, and begins a term that nobody else hears of.
async fn write_a_dead_end(cluster: &TestCluster) {
    let election = cluster.dir.path().join("election");
    let election = FileElection::open(&election, Clock::system()).unwrap();
    let node = NodeId::new("b").unwrap();
    let candidate = Candidate {
        node: node.clone(),
        endpoint: "127.0.0.1:1".to_owned(),
        http: "127.0.0.1:2".to_owned(),
    };
    let leadership = election.campaign(&candidate, Epoch::ZERO).await.unwrap();
    let epoch = leadership.token().epoch;
    let log = FileOpLog::open(&log_dir(cluster, "b"), ByteSize::mib(4)).unwrap();
    let mut writer = log.open_writer(leadership.token()).await.unwrap();
    let previous = writer.tail();
    let start = EpochStart {
        epoch,
        previous,
        node,
        versions: Versions {
            written: 1,
            lowest_reader: 1,
            digest: 1,
        },
        unclean: false,
    };
    let mut builder = BatchBuilder::new(previous.seq.next());
    let entry = Entry {
        seq: previous.seq.next(),
        timestamp_ms: 1,
        op_type: OpType::EPOCH_START,
        id: EntryId::default(),
        key: Cow::Borrowed(&[]),
        payload: Cow::Owned(start.encode()),
    };
    builder.push(&entry).unwrap();
    let end = BatchEnd {
        epoch,
        previous,
        committed: previous.seq,
        digest: None,
    };
    writer.append(&builder.seal(&end).unwrap()).await.unwrap();
    drop(writer);
    leadership.resign(None).await.unwrap();
}

/// A term that began on one disk alone: what it wrote is cut, and kept aside.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_this_node_has_of_a_term_that_ended_is_cut_and_kept_aside() {
    let mut cluster = start(&["a", "b"]).await;
    let load = cluster.load(78).await;
    cluster.node("b").kill().await;
    cluster.node("a").kill().await;
    write_a_dead_end(&cluster).await;
    cluster.node("a").start();
    load.acknowledged_more(1000).await;
    cluster.node("b").start();
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    let (_, metrics) = http::get(&cluster.node("b").http.clone(), "/metrics").await;
    assert_eq!(
        http::value(&metrics, "standfast_log_cuts_total", &[]),
        Some(1.0)
    );
    let kept = fs::read_dir(log_dir(&cluster, "b").join("cuts")).unwrap();
    assert_eq!(kept.count(), 1);
}

/// When the disk of the node with the seat is gone for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_place_is_begun_with_an_export_and_streams_as_well() {
    let cluster = start(&["a", "b"]).await;
    let load = cluster.load(79).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    all_the_same(&cluster).await;
    ran(&cluster.nodes[0], &["snapshot", "create"]).await;
    let file = cluster.dir.path().join("exported");
    let file = file.to_str().unwrap();
    ran(&cluster.nodes[0], &["snapshot", "export", "--to", file]).await;

    let mut place = TestCluster::prepare(&["x", "y"], "1h");
    turn_to_streams(&place, "4MiB");
    ran(&place.nodes[0], &["snapshot", "import", file]).await;
    ran(&place.nodes[1], &["cluster", "init"]).await;
    for node in &mut place.nodes {
        node.start();
    }
    place
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    assert_eq!(place.leader().await, "x");
    let load = place.load(80).await;
    assert_eq!(load.verdict(&place).await.missing, []);
    all_the_same(&place).await;
}
