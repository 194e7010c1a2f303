use std::fs;

use crate::http;
use crate::node::TestNode;
use crate::support::{TestCluster, in_sync};
use crate::watch::{scrape, until_is, until_moved};

/// Segments so small that trim finds whole ones.
fn small_segments(nodes: &[TestNode]) {
    for node in nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        fs::write(&node.config, text.replace("4MiB", "64KiB")).unwrap();
    }
}

async fn start(names: &[&str]) -> TestCluster {
    let mut cluster = TestCluster::prepare(names, "1h");
    small_segments(&cluster.nodes);
    cluster.launch().await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_primary_and_its_standby_do_under_load_is_counted() {
    let mut cluster = start(&["a", "b"]).await;
    let leader = cluster.leader().await;
    let standby = if leader == "a" { "b" } else { "a" };
    let load = cluster.load(21).await;
    let primary = [
        ("standfast_role", &["primary"] as &[_]),
        ("standfast_terms_total", &[]),
        ("standfast_promotion_seconds_count", &[]),
        ("standfast_append_seconds_count", &[]),
        ("standfast_append_seconds_bucket", &["le=\"10\""]),
        ("standfast_appended_batches_total", &[]),
        ("standfast_appended_entries_total", &[]),
        ("standfast_appended_bytes_total", &[]),
        ("standfast_applied_seq", &[]),
        ("standfast_committed_seq", &[]),
        ("standfast_unflushed_entries", &[]),
        ("standfast_rows", &[]),
        (
            "standfast_store_seconds_count",
            &["store=\"oplog\"", "operation=\"open_writer\""],
        ),
        (
            "standfast_metadata_items_total",
            &["call=\"put_end\"", "code=\"ERROR_CODE_OK\""],
        ),
    ];
    until_moved(cluster.node(&leader), &primary).await;
    until_is(cluster.node(&leader), "standfast_read_only", 0.0).await;
    let following = [
        ("standfast_role", &["standby"] as &[_]),
        ("standfast_applied_seq", &[]),
        ("standfast_followed_entries_total", &[]),
        ("standfast_catch_up_seconds_count", &[]),
        ("standfast_verified_batches_total", &[]),
    ];
    until_moved(cluster.node(standby), &following).await;
    // Two verified snapshots, and the log behind the older one goes.
    for _ in 0..3 {
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
        load.acknowledged_more(500).await;
    }
    let trimmed = [("standfast_oplog_floor_seq", &[] as &[_])];
    until_moved(cluster.node(&leader), &trimmed).await;
    let moved = cluster.nodes[0]
        .command(&["switchover", "--to", standby])
        .await;
    assert!(moved.status.success(), "{moved:?}");
    let left = [("standfast_switchover_seconds_count", &[] as &[_])];
    until_moved(cluster.node(&leader), &left).await;
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
}

#[cfg(feature = "rocksdb")]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_does_for_its_log_is_counted() {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_rocksdb();
    cluster.launch().await;
    let leader = cluster.leader().await;
    let load = cluster.load(22).await;
    let moved = [
        ("standfast_rocksdb_wal_syncs_total", &[] as &[_]),
        ("standfast_rocksdb_wal_bytes_total", &[]),
        ("standfast_rocksdb_flushed_bytes_total", &[]),
    ];
    // Two verified snapshots: a trim writes out what is in memory.
    for _ in 0..3 {
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
        load.acknowledged_more(500).await;
    }
    until_moved(cluster.node(&leader), &moved).await;
    // Both are zero while nothing is wrong, and that much is told.
    let metrics = scrape(cluster.node(&leader)).await;
    for name in [
        "standfast_rocksdb_compacted_bytes_total",
        "standfast_rocksdb_stalled_us_total",
    ] {
        assert!(
            http::value(&metrics, name, &[]).is_some(),
            "{name}: {metrics}"
        );
    }
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_hears_its_primary_die_counts_the_broken_stream_and_the_deposition() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    // The freed lock says it as well: which of the two is seen first is open each time.
    for _ in 0..20 {
        let leader = cluster.leader().await;
        let standby = if leader == "a" { "b" } else { "a" };
        cluster.node(&leader).kill().await;
        until_moved(
            cluster.node(standby),
            &[("standfast_role", &["primary"] as &[_])],
        )
        .await;
        let heard = [
            "standfast_heartbeat_breaks_total",
            "standfast_deposed_total",
        ];
        let metrics = scrape(cluster.node(standby)).await;
        if heard.map(|name| http::value(&metrics, name, &[])) == [Some(1.0); 2] {
            return;
        }
        cluster.node(&leader).start();
        cluster
            .until("both in sync", |status| in_sync(status) == 2)
            .await;
    }
    panic!("no stream was ever heard to break");
}
