//! What the service must never break, each a story over real nodes. The three that are told elsewhere:
//!
//! * rule 2, a batch is cut by bytes as well as by count: `tests/flow/slow_log.rs`
//! * rule 7, an operation that cannot be decoded stops the standby: `metadata/tests/stories/corrupt.rs`, and over nodes
//!   `skip.rs`
//! * rule 9, metrics tell the truth: `truthful_metrics.rs`

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use standfast_metadata::{
    ErrorCode, MetadataClient, Op, Placement, Removal, SegmentId, SegmentInfo,
};
use tokio::process::Child;

use crate::http;
use crate::lender::{all_exist, client, keys, lender, objects, put_all};
use crate::lost_lender::{lending, until_lent};
use crate::support::{TestCluster, in_sync};
use crate::trimmed::trimmed;

const PATIENCE: Duration = Duration::from_mins(1);

async fn kill_all(cluster: &mut TestCluster) {
    for node in &mut cluster.nodes {
        node.kill().await;
    }
}

async fn fail_over(cluster: &mut TestCluster) {
    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_1_a_put_acknowledged_is_in_the_log() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let stored = objects(0..8000, 32);
    put_all(&client, &stored).await;
    kill_all(&mut cluster).await;

    let dumped = cluster.nodes[0].command(&["oplog", "dump", "-o", "json"]);
    let dumped = dumped.await;
    assert!(dumped.status.success(), "{dumped:?}");
    let put_end = Op::PutEnd { checksum: None }.op_type().0;
    let ended: BTreeSet<String> = String::from_utf8(dumped.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["op_type"] == put_end)
        .map(|entry| entry["key"].as_str().unwrap().to_owned())
        .collect();
    for object in stored {
        let key = format!("default/{}", String::from_utf8_lossy(&object.key));
        assert!(ended.contains(&key), "{key} was acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_3_remove_all_of_8000_objects_removes_8000() {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..8000, 32)).await;
    let removed = client.remove_many(&Removal::All, true, |_| {}).await;
    assert_eq!(removed.unwrap().removed, 8000);
    let left = client.list_objects(b"", 0, None).await.unwrap();
    assert_eq!((left.objects, left.next), (Vec::new(), None));
}

async fn lend(client: &MetadataClient, endpoint: &str, incarnation: u64) {
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation,
        name: "cache".to_owned(),
        endpoint: endpoint.to_owned(),
        base: 1 << 32,
        size: 1 << 30,
        protocol: "none".to_owned(),
    };
    client.mount_segment(&segment).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_4_a_client_that_restarts_on_its_address_costs_no_other_an_object() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let other = client(&cluster, PATIENCE).await;
    lend(&other, "one.invalid:1", 1).await;
    let stored = objects(0..1000, 32);
    put_all(&other, &stored).await;
    let crashed = client(&cluster, PATIENCE).await;
    lend(&crashed, "two.invalid:1", 1).await;
    drop(crashed);
    let restarted = client(&cluster, PATIENCE).await;
    lend(&restarted, "two.invalid:1", 2).await;

    fail_over(&mut cluster).await;
    all_exist(&other, &stored).await;
    let lent = other.list_segments().await.unwrap();
    let incarnations: Vec<_> = lent.iter().map(|lent| lent.info.incarnation).collect();
    assert_eq!(incarnations, [1, 2]);
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_4_what_a_frozen_lender_lends_again_is_not_given_to_others_while_it_may_be_read() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = client(&cluster, PATIENCE).await;
    let mut frozen = lending(&cluster, "frozen").await;
    let stored = objects(0..2, 32);
    let (old, new) = stored.split_at(1);
    put_all(&client, old).await;
    all_exist(&client, old).await;
    signal(&frozen, "STOP");
    until_lent(&client, 0).await;
    signal(&frozen, "CONT");
    until_lent(&client, 1).await;
    let put = client.put(new, &Placement::default()).await.unwrap();
    let refusal = put.into_iter().next().unwrap().unwrap_err();
    assert_eq!(ErrorCode::of(&refusal), ErrorCode::NoAvailableHandle);
    let lent = client.list_segments().await.unwrap();
    assert_eq!(lent[0].used, lent[0].info.size, "all of it is held back");
    frozen.kill().await.unwrap();
}

/// Changes a byte of every file below a folder.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
        } else {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_5_a_restore_that_cannot_be_completed_is_not_served_as_an_empty_cluster() {
    let mut cluster = trimmed().await;
    damage(&cluster.dir.path().join("bucket/test/parts"));
    cluster.nodes[0].start();
    let status = cluster
        .until("it to stand still", |status| {
            status.nodes.iter().any(|node| node.failure.is_some())
        })
        .await;
    assert_eq!(status.leader, None);
    let told = status.nodes[0].failure.clone().unwrap();
    assert!(told.contains("snapshot"), "{told}");
    cluster.nodes[0].kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_6_a_restore_after_an_outage_longer_than_a_lease_gives_the_objects_back() {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        let times = "[metadata]\nlease_ttl = \"100ms\"\n";
        fs::write(&node.config, text + times).unwrap();
    }
    let made = cluster.nodes[0].command(&["cluster", "init"]).await;
    assert!(made.status.success(), "{made:?}");
    for node in &mut cluster.nodes {
        node.start();
    }
    cluster
        .until("all in sync", |status| in_sync(status) == 2)
        .await;
    let client = lender(&cluster, PATIENCE).await;
    let stored = objects(0..20_000, 32);
    put_all(&client, &stored[..10_000]).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    put_all(&client, &stored[10_000..]).await;
    // Reading leases them: the leases are over when the nodes come back.
    all_exist(&client, &stored).await;

    kill_all(&mut cluster).await;
    let mut outage = tokio::time::interval(Duration::from_secs(2));
    outage.tick().await;
    outage.tick().await;
    for node in &mut cluster.nodes {
        node.start();
    }
    all_exist(&client, &stored).await;
    let leader = cluster.leader().await;
    let (_, metrics) = http::get(&cluster.node(&leader).http, "/metrics").await;
    let restored = http::value(&metrics, "standfast_snapshot_restores_total", &[]);
    assert_eq!(restored, Some(1.0), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_8_checksums_survive_a_failover() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let mut stored = objects(0..1000, 32);
    for (checksum, object) in (1..).zip(&mut stored) {
        object.checksum = Some(checksum);
    }
    put_all(&client, &stored).await;
    fail_over(&mut cluster).await;
    let keys: Vec<Bytes> = keys(&stored);
    let found = client.get_replicas(&keys).await.unwrap();
    for (object, found) in stored.iter().zip(found) {
        assert_eq!(found.unwrap().unwrap().checksum, object.checksum);
    }
}
