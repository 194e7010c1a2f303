//! `[recovery] mode = "snapshot"`: there is no log, the newest snapshot is what goes on.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use standfast::node::{ClusterStatus, NodeStatus};
use standfast_core::Role;

use crate::http;
use crate::lender::{all_exist, keys, lender, objects, put_all};
use crate::node::{TestNode, standfast};
use crate::regressed::failure;
use crate::support::{TestCluster, in_sync};

const PATIENCE: Duration = Duration::from_mins(1);

/// Configurations of a cluster without a log.
fn prepare(names: &[&str]) -> TestCluster {
    let cluster = TestCluster::prepare(names, "1h");
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        let (before, rest) = text.split_once("[oplog]").unwrap();
        let (_, after) = rest.split_once("[election]").unwrap();
        let text = format!(
            "{before}[oplog]\nack = \"async\"\nswitchover_timeout = \"50s\"\n[election]{after}\
             [recovery]\nmode = \"snapshot\"\n"
        );
        fs::write(&node.config, text).unwrap();
    }
    cluster
}

pub(crate) async fn start(names: &[&str]) -> TestCluster {
    let mut cluster = prepare(names);
    cluster.launch().await;
    cluster
}

pub(crate) async fn ran(node: &TestNode, words: &[&str]) -> String {
    let output = node.command(words).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) async fn told(node: &TestNode, words: &[&str]) -> Value {
    serde_json::from_str(&ran(node, &[words, &["-o", "json"]].concat()).await).unwrap()
}

/// Sets a quota, which lies in nobody's memory but the master's.
pub(crate) async fn set_quota(cluster: &TestCluster, tenant: &str) {
    let output = standfast()
        .args(["quota", "set", "--tenant", tenant, "--bytes", "1KiB"])
        .arg("--endpoint")
        .arg(cluster.endpoints().join(","))
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Tenants with a quota.
pub(crate) async fn quotas(cluster: &TestCluster) -> Vec<String> {
    let output = standfast()
        .args(["quota", "list", "-o", "json", "--endpoint"])
        .arg(cluster.endpoints().join(","))
        .output()
        .await
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tenants = told.as_array().unwrap().iter();
    let limited = tenants.filter(|tenant| !tenant["quota_bytes"].is_null());
    limited
        .map(|tenant| tenant["tenant"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn primary(status: &ClusterStatus) -> Option<&NodeStatus> {
    let mut nodes = status.nodes.iter();
    nodes.find(|node| node.role == Role::Primary && node.in_sync)
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_are_killed_the_newest_snapshot_is_what_goes_on_and_the_loss_is_told() {
    let mut cluster = start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..100, 8)).await;
    set_quota(&cluster, "kept").await;
    ran(&cluster.nodes[0], &["snapshot", "create"]).await;
    cluster
        .until("both at the snapshot", |status| {
            in_sync(status) == 2 && status.nodes.iter().all(|node| node.snapshot_seq.0 > 0)
        })
        .await;
    set_quota(&cluster, "lost").await;
    let before = cluster
        .until("what is not covered", |status| {
            primary(status).is_some_and(|primary| primary.uncovered_entries > Some(0))
        })
        .await;
    let leader = cluster.leader().await;
    let (_, metrics) = http::get(&cluster.node(&leader).http, "/metrics").await;
    for name in [
        "standfast_uncovered_entries",
        "standfast_newest_snapshot_age_ms",
    ] {
        let value = http::value(&metrics, name, &[]);
        assert!(value > Some(0.0), "{name}: {value:?}");
    }
    for node in &mut cluster.nodes {
        node.kill().await;
    }

    let plan = told(&cluster.nodes[1], &["recover", "--plan"]).await;
    assert_eq!(plan["recoverable"], true, "{plan:#}");
    let newest = plan["snapshots"][0]["id"].as_str().unwrap();
    let manifest = told(&cluster.nodes[1], &["snapshot", "show", newest]).await;
    assert_eq!(plan["start"]["digest"], manifest["digest"], "{plan:#}");
    cluster.nodes[1].start();
    let after = cluster
        .until("b to lead", |status| primary(status).is_some())
        .await;
    assert!(after.epoch > before.epoch);
    let log = cluster.nodes[1].log_text();
    assert!(
        log.contains(&format!("restored snapshot={newest}")),
        "{log}"
    );
    assert!(
        log.contains("acknowledged after its newest snapshot is lost"),
        "{log}"
    );
    assert_eq!(quotas(&cluster).await, ["kept"]);
    // Nobody is sent to memory that may hold something else by now.
    let found = client.exists(&keys(&objects(0..100, 8))).await.unwrap();
    assert!(found.into_iter().all(|found| found == Ok(false)));
    // What it lent is held back meanwhile.
    let another = lender(&cluster, PATIENCE).await;
    put_all(&another, &objects(0..100, 8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_with_the_newest_snapshot_and_a_thawed_primary_does_no_harm() {
    let mut cluster = start(&["a", "b"]).await;
    set_quota(&cluster, "kept").await;
    ran(&cluster.nodes[0], &["snapshot", "create"]).await;
    set_quota(&cluster, "lost").await;
    let leader = cluster.leader().await;
    let frozen = cluster.node(&leader).name.clone();
    cluster.node(&frozen).signal("STOP");
    let taken = cluster
        .until("the other one to lead", |status| {
            primary(status).is_some_and(|primary| primary.id.as_str() != frozen)
        })
        .await;
    assert_eq!(quotas(&cluster).await, ["kept"]);
    set_quota(&cluster, "new").await;
    cluster.node(&frozen).signal("CONT");
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    ran(&cluster.nodes[0], &["snapshot", "create"]).await;
    let seq = |status: &ClusterStatus| primary(status).map(|primary| primary.snapshot_seq);
    let status = cluster
        .until("both to hold the new snapshot", |status| {
            let newest = seq(status);
            let mut nodes = status.nodes.iter();
            newest > seq(&taken) && nodes.all(|node| Some(node.snapshot_seq) == newest)
        })
        .await;
    assert_ne!(status.leader.unwrap().as_str(), frozen);
    assert_eq!(quotas(&cluster).await, ["kept", "new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_loses_nothing_and_nobody_has_to_mount_anything_again() {
    let mut cluster = start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let all = objects(0..200, 8);
    let leader = cluster.leader().await;
    let to = if leader == "a" { "b" } else { "a" };
    put_all(&client, &all[..100]).await;
    ran(&cluster.nodes[0], &["switchover", "--to", to]).await;
    assert_eq!(cluster.leader().await, to);
    all_exist(&client, &all[..100]).await;

    put_all(&client, &all[100..]).await;
    let endpoint = cluster.node(to).endpoint.clone();
    let output = standfast()
        .args(["step-down", "--endpoint", &endpoint])
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    cluster
        .until("somebody to lead", |status| in_sync(status) == 2)
        .await;
    all_exist(&client, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_node_that_is_told_to_stop_makes_a_last_snapshot() {
    let mut cluster = start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..100, 8)).await;
    cluster.nodes[0].signal("TERM");
    let mut child = cluster.nodes[0].child.take().unwrap();
    assert!(child.wait().await.unwrap().success());
    cluster.nodes[0].start();
    cluster
        .until("it to lead", |status| primary(status).is_some())
        .await;
    all_exist(&client, &objects(0..100, 8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_snapshot_than_the_newest_is_served_only_on_an_operators_word() {
    let mut cluster = start(&["a"]).await;
    for tenant in ["first", "second"] {
        set_quota(&cluster, tenant).await;
        ran(&cluster.nodes[0], &["snapshot", "create"]).await;
    }
    cluster.nodes[0].kill().await;
    let plan = told(&cluster.nodes[0], &["recover", "--plan"]).await;
    let newest = plan["snapshots"][0]["id"].as_str().unwrap().to_owned();
    let manifest = cluster
        .dir
        .path()
        .join(format!("bucket/test/manifests/{newest}.json"));
    fs::remove_file(&manifest).unwrap();

    cluster.nodes[0].start();
    let failure = failure(&cluster).await;
    assert!(failure.contains(&newest), "{failure}");
    assert!(failure.contains("recover --plan"), "{failure}");
    cluster.nodes[0].kill().await;

    let output = cluster.nodes[0].command(&["recover", "--plan"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    ran(&cluster.nodes[0], &["recover", "--accept-loss", "--yes"]).await;
    cluster.nodes[0].start();
    cluster
        .until("it to lead", |status| primary(status).is_some())
        .await;
    assert_eq!(quotas(&cluster).await, ["first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_was_emptied_is_served_by_nobody() {
    let mut cluster = start(&["a"]).await;
    set_quota(&cluster, "kept").await;
    ran(&cluster.nodes[0], &["snapshot", "create"]).await;
    cluster.nodes[0].kill().await;
    fs::remove_dir_all(cluster.dir.path().join("bucket")).unwrap();
    fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.initialise().await;
    cluster.nodes[0].start();
    let failure = failure(&cluster).await;
    assert!(failure.contains("has served"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_about_the_log_say_that_there_is_none_and_check_says_what_that_means() {
    let cluster = prepare(&["a"]);
    cluster.initialise().await;
    let output = cluster.nodes[0].command(&["oplog", "inspect"]).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("keeps no log"), "{error}");
    let text = ran(&cluster.nodes[0], &["check", "--connect"]).await;
    assert!(
        text.contains("there is no log: a crash of the primary loses"),
        "{text}"
    );
}
