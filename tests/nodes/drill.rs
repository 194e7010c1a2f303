use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::lender::{lender, objects, put_all};
use crate::support::{TestCluster, same_state};

const DRILL: [&str; 3] = ["drill", "-o", "json"];

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Every file in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// A snapshot, and a log behind it that carries digests.
async fn with_snapshot() -> TestCluster {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(6).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    load.acknowledged_more(1000).await;
    assert_eq!(load.verdict(&cluster).await.missing, []);
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_beside_nodes_that_serve_proves_how_far_the_stores_recover_and_holds_nothing() {
    let cluster = with_snapshot().await;
    let output = cluster.nodes[1].command(&DRILL).await;
    let found = told(&output);
    assert!(output.status.success(), "{found:#}");
    assert_eq!(found["problems"], Value::Array(Vec::new()), "{found:#}");
    let seq = |place: &str| found[place]["seq"].as_u64().unwrap();
    let proven = found["proven_seq"].as_u64().unwrap();
    assert!(
        seq("restored") < proven && proven <= seq("reached"),
        "{found:#}"
    );
    assert!(found["snapshot"].is_string() && found["measured_rto_seconds"].as_f64() > Some(0.0));
    let status = cluster
        .until("both to stand still", |status| same_state(status, 2))
        .await;
    if status.nodes[0].digest_seq.0 == seq("reached") {
        let served = status.nodes[0].digest.unwrap().to_string();
        assert_eq!(found["digest"], served);
    }
    let pins = files(&cluster.dir.path().join("bucket/test/pins"));
    assert_eq!(
        pins,
        Vec::<PathBuf>::new(),
        "a drill that has ended keeps the log from being trimmed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_names_a_snapshot_that_cannot_be_restored_though_the_log_alone_would_do() {
    let cluster = with_snapshot().await;
    let parts = files(&cluster.dir.path().join("bucket/test/parts"));
    let mut bytes = fs::read(&parts[0]).unwrap();
    bytes[20] ^= 1;
    fs::write(&parts[0], bytes).unwrap();
    let output = cluster.nodes[1].command(&DRILL).await;
    let found = told(&output);
    assert!(!output.status.success(), "{found:#}");
    assert!(
        found["snapshot"].is_null() && found["proven_seq"].is_u64(),
        "{found:#}"
    );
    let problem = found["problems"][0].as_str().unwrap();
    let part = parts[0].file_name().unwrap().to_str().unwrap();
    assert!(problem.contains(part), "{problem}");
    let words = ["snapshot", "restore", "-o", "json"];
    let restored = told(&cluster.nodes[1].command(&words).await);
    assert_eq!(restored["problems"], found["problems"], "{restored:#}");
    assert_eq!(restored["digest"], found["digest"], "{restored:#}");
}

/// An older copy of the log was put back: no digest differs, and nothing follows the snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn h19_a_drill_on_a_log_that_ends_before_the_snapshot_fails_as_a_node_would() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    put_all(&client, &objects(0..100, 32)).await;
    cluster.nodes[0].kill().await;
    let (log, older) = ["log", "older"]
        .map(|name| cluster.dir.path().join(name))
        .into();
    let copied = Command::new("cp").arg("-a").args([&log, &older]).status();
    assert!(copied.unwrap().success());
    cluster.nodes[0].start();
    put_all(&client, &objects(100..200, 32)).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    cluster.nodes[0].kill().await;
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&older, &log).unwrap();
    let told = cluster.nodes[0].command(&["drill"]).await;
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(
        !told.status.success() && said.contains("the log went backwards"),
        "{said}"
    );
}

/// The same behind the snapshot: nothing in log and bucket says that a term is missing, the election does.
#[tokio::test(flavor = "multi_thread")]
async fn h19_a_drill_on_a_log_that_lacks_a_term_that_has_served_tells_it() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    put_all(&client, &objects(0..100, 32)).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    put_all(&client, &objects(100..200, 32)).await;
    cluster.nodes[0].kill().await;
    let (log, older) = ["log", "older"]
        .map(|name| cluster.dir.path().join(name))
        .into();
    let copied = Command::new("cp").arg("-a").args([&log, &older]).status();
    assert!(copied.unwrap().success());
    let drilled = cluster.nodes[0].command(&["drill"]).await;
    assert!(drilled.status.success(), "{drilled:?}");
    cluster.nodes[0].start();
    put_all(&client, &objects(200..300, 32)).await;
    cluster.nodes[0].kill().await;
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&older, &log).unwrap();
    let told = cluster.nodes[0].command(&["drill"]).await;
    let said = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.status.code() == Some(1) && said.contains("PROBLEM: the log ends at"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_with_nothing_to_recover_from_fails_and_says_why() {
    let cluster = TestCluster::prepare(&["a"], "1h");
    let told = cluster.nodes[0].command(&["drill"]).await;
    assert!(!told.status.success(), "{told:?}");
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(said.contains("cluster init"), "{said}");
}
