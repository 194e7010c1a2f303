//! What an operator does when committed entries are gone for good: looks, gives them up, and goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use standfast::node::ClusterStatus;

use crate::http;
use crate::lender::{all_exist, keys, lender, objects, put_all};
use crate::support::{TestCluster, same_state};

const PATIENCE: Duration = Duration::from_mins(1);

async fn kill_all(cluster: &mut TestCluster) {
    for node in cluster.nodes.iter_mut().filter(|node| node.child.is_some()) {
        node.kill().await;
    }
}

/// A node writes its mark each second, and when it stops.
async fn stop_all(cluster: &mut TestCluster) {
    for node in &mut cluster.nodes {
        node.signal("TERM");
        node.child.take().unwrap().wait().await.unwrap();
    }
}

fn start_all(cluster: &mut TestCluster) {
    for node in &mut cluster.nodes {
        node.start();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            fs::copy(&path, name).unwrap();
        }
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

async fn plan(cluster: &TestCluster) -> (Option<i32>, Value) {
    let words = ["recover", "--plan", "-o", "json"];
    let output = cluster.nodes[0].command(&words).await;
    (output.status.code(), json(&output))
}

async fn accept(cluster: &TestCluster, node: usize) -> Value {
    let words = ["recover", "--accept-loss", "--yes", "-o", "json"];
    let output = cluster.nodes[node].command(&words).await;
    assert!(output.status.success(), "{output:?}");
    json(&output)
}

async fn failed(cluster: &TestCluster, count: usize) {
    let stand_still = |status: &ClusterStatus| {
        let failed = |node: &&standfast::node::NodeStatus| {
            let failure = node.failure.as_ref();
            failure.is_some_and(|failure| failure.contains("the log went backwards"))
        };
        status.nodes.iter().filter(failed).count() == count
    };
    cluster.until("all to stand still", stand_still).await;
}

async fn snapshot(cluster: &TestCluster) {
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_restored_from_a_backup_goes_on_when_its_loss_is_accepted() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..20, 8)).await;
    kill_all(&mut cluster).await;
    let (log, backup) = (
        cluster.dir.path().join("log"),
        cluster.dir.path().join("backup"),
    );
    copy(&log, &backup);
    start_all(&mut cluster);
    put_all(&client, &objects(20..40, 8)).await;
    cluster
        .until("both to know it", |status| same_state(status, 2))
        .await;
    stop_all(&mut cluster).await;
    assert_eq!(plan(&cluster).await.0, Some(0));
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&backup, &log).unwrap();

    start_all(&mut cluster);
    failed(&cluster, 2).await;
    let (code, planned) = plan(&cluster).await;
    assert_eq!((code, &planned["recoverable"]), (Some(1), &false.into()));
    let from = planned["lost"]["from_seq"].as_u64().unwrap();
    assert_eq!(planned["start"]["to"]["seq"], from - 1, "{planned:#}");
    assert!(
        planned["lost"]["through_seq"].as_u64().unwrap() > from,
        "{planned:#}"
    );

    let accepting = ["recover", "--accept-loss", "--yes"];
    let beside = cluster.nodes[0].command(&accepting).await;
    assert!(!beside.status.success(), "the node is still there");
    kill_all(&mut cluster).await;
    let unsure = cluster.nodes[0].command(&accepting[..2]).await;
    let told = String::from_utf8_lossy(&unsure.stderr).into_owned();
    assert!(told.contains("say --yes if that is meant"), "{told}");
    let accepted = accept(&cluster, 0).await;
    let b = cluster.nodes[1].command(&["recover", "--plan"]).await;
    assert!(b.status.success(), "what b knew is excused: {b:?}");
    // Settling may have found more than was known committed.
    assert!(
        accepted["lost"]["from_seq"].as_u64() >= Some(from),
        "{accepted:#}"
    );
    assert_eq!(accepted["log_begun_anew"], false, "{accepted:#}");

    start_all(&mut cluster);
    all_exist(&client, &objects(0..20, 8)).await;
    let behind = client.exists(&keys(&objects(20..40, 8))).await.unwrap();
    assert!(behind.into_iter().all(|found| found != Ok(true)));
    put_all(&client, &objects(40..60, 8)).await;
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    let b = &cluster.nodes[1];
    assert!(b.log_text().contains("committed entries are lost"));
    let (_, metrics) = http::get(&b.http, "/metrics").await;
    let counted = http::value(&metrics, "standfast_lost_entries_total", &[]);
    assert!(counted.is_some_and(|counted| counted > 0.0), "{metrics}");
    for node in &cluster.nodes {
        let kept = names(&node.data_dir);
        let aside = |name: &String| name.starts_with("high-water.lost-");
        assert!(kept.iter().any(aside), "{kept:?}");
    }
    let inspected = b.command(&["oplog", "inspect", "-o", "json"]).await;
    let terms = &json(&inspected)["terms"];
    let unclean = terms.as_array().unwrap().iter();
    assert_eq!(unclean.filter(|term| term["unclean"] == true).count(), 1);
    assert_eq!(plan(&cluster).await.0, Some(0));
    let again = b.command(&["oplog", "verify"]).await;
    assert!(again.status.success(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_begins_anew_behind_the_newest_snapshot() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..20, 8)).await;
    snapshot(&cluster).await;
    put_all(&client, &objects(20..40, 8)).await;
    kill_all(&mut cluster).await;
    fs::remove_dir_all(cluster.dir.path().join("log")).unwrap();
    cluster.initialise().await;
    start_all(&mut cluster);
    failed(&cluster, 2).await;
    kill_all(&mut cluster).await;

    let (code, planned) = plan(&cluster).await;
    assert_eq!(code, Some(1), "{planned:#}");
    assert_eq!(planned["snapshots"][0]["state"], "restored", "{planned:#}");
    let accepted = accept(&cluster, 1).await;
    assert_eq!(accepted["log_begun_anew"], true, "{accepted:#}");
    start_all(&mut cluster);
    all_exist(&client, &objects(0..20, 8)).await;
    put_all(&client, &objects(40..60, 8)).await;
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    // And once more from the disks alone.
    kill_all(&mut cluster).await;
    assert_eq!(plan(&cluster).await.0, Some(0));
    start_all(&mut cluster);
    all_exist(&client, &objects(40..60, 8)).await;
}

/// The segment that holds `text`, and where.
fn find(log: &Path, text: &[u8]) -> (PathBuf, usize) {
    for entry in fs::read_dir(log.join("segments")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(text.len()).position(|found| found == text) {
            return (path, at);
        }
    }
    panic!("{} is nowhere", String::from_utf8_lossy(text));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_before_a_damaged_segment_is_kept_and_what_lies_behind_is_given_up() {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let config = &cluster.nodes[0].config;
    let text = fs::read_to_string(config).unwrap();
    // So small that the damage is not where the log ends.
    fs::write(config, text.replace("4MiB", "64KiB")).unwrap();
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    for part in 0..6 {
        put_all(&client, &objects(part * 1000..part * 1000 + 1000, 8)).await;
        if part == 1 {
            snapshot(&cluster).await;
        }
    }
    kill_all(&mut cluster).await;
    let (path, at) = find(&cluster.dir.path().join("log"), b"00003500");
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();

    let (code, planned) = plan(&cluster).await;
    assert_eq!(code, Some(1), "{planned:#}");
    let why = planned["lost"]["why"][0].as_str().unwrap();
    assert!(why.contains("corrupt data"), "{planned:#}");
    let accepted = accept(&cluster, 0).await;
    assert_eq!(accepted["log_begun_anew"], true, "{accepted:#}");
    start_all(&mut cluster);
    all_exist(&client, &objects(0..3000, 8)).await;
    let behind = client.exists(&keys(&objects(3500..6000, 8))).await.unwrap();
    assert!(behind.into_iter().all(|found| found != Ok(true)));
    assert_eq!(plan(&cluster).await.0, Some(0));
}
