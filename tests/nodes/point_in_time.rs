//! A state made again as it was at an earlier entry or moment, told, served in a directory of its own, and carried on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use standfast_metadata::{ClientOptions, MetadataClient};

use crate::lender::{all_exist, keys, lender, objects, put_all};
use crate::node::TestNode;
use crate::snapshot_mode;
use crate::support::{TestCluster, same_state};
use crate::trimmed::{inspect, with_small_segments};

const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a command that must not fail.
async fn told(node: &TestNode, words: &[&str]) -> Value {
    let output = node.command(&[words, &["-o", "json"]].concat()).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that must fail says.
async fn refused(node: &TestNode, words: &[&str]) -> String {
    let output = node
        .command(&[&["snapshot", "restore"], words].concat())
        .await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn restored(node: &TestNode, point: &str, at: u64) -> Value {
    told(node, &["snapshot", "restore", point, &at.to_string()]).await
}

/// Where the state stands when nobody writes, and its digest.
async fn stands(cluster: &TestCluster) -> (u64, String) {
    let status = cluster
        .until("it to stand still", |status| same_state(status, 1))
        .await;
    let node = &status.nodes[0];
    (node.digest_seq.0, node.digest.unwrap().to_string())
}

/// A cluster whose clients stay known, however long a test takes.
async fn launched() -> TestCluster {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let config = &cluster.nodes[0].config;
    let text = fs::read_to_string(config).unwrap() + "[metadata]\nclient_ttl = \"1h\"\n";
    fs::write(config, text).unwrap();
    cluster.launch().await;
    cluster
}

/// The node of the directory that was made.
fn node_in(dir: &Path) -> TestNode {
    let config = dir.join("standfast.toml");
    let text = fs::read_to_string(&config).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let says = |key: &str| table["node"][key].as_str().unwrap().to_owned();
    TestNode {
        name: says("id"),
        config,
        data_dir: dir.join(says("data_dir")),
        endpoint: says("listen"),
        http: says("http"),
        log: dir.join("node.log"),
        child: None,
    }
}

fn left_behind(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains(".standfast-restore-"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_before_is_told_by_entry_and_by_moment_from_log_and_snapshots() {
    let cluster = launched().await;
    let node = &cluster.nodes[0];
    let client = lender(&cluster, PATIENCE).await;
    let mut stood = Vec::new();
    for round in 0..4 {
        put_all(&client, &objects(round * 100..round * 100 + 100, 32)).await;
        stood.push(stands(&cluster).await);
        if round == 1 {
            told(node, &["snapshot", "create"]).await;
        }
    }
    for (round, (seq, digest)) in stood.iter().enumerate() {
        let found = restored(node, "--at-seq", *seq).await;
        assert_eq!(found["position"]["seq"], *seq, "{found:#}");
        assert_eq!(found["digest"], digest.as_str(), "{found:#}");
        // Before the snapshot there is only the log from its beginning.
        assert_eq!(found["id"].is_null(), round == 0, "{found:#}");
        let stamp = found["stamp_ms"].as_u64().unwrap();
        // Commands were run meanwhile: the next entry is of later.
        let same = restored(node, "--at-time", stamp).await;
        assert_eq!(same["position"], found["position"], "{same:#}");
        assert_eq!(same["left_out"].is_null(), round == 3, "{same:#}");
        assert_eq!(same["log_ends"], round == 3, "{same:#}");
        assert!(same["clock_behind_ms"].is_u64(), "{same:#}");
        if round < 3 {
            assert_eq!(same["left_out"]["first_seq"], seq + 1, "{same:#}");
            assert!(same["left_out"]["stamp_ms"].as_u64() > Some(stamp));
            // Before the last entry of a batch is before the batch.
            let last = same["left_out"]["last_seq"].as_u64().unwrap();
            let inside = restored(node, "--at-seq", last - 1).await;
            assert_eq!(inside["position"]["seq"], *seq, "{inside:#}");
            let after = restored(node, "--at-seq", last).await;
            assert_eq!(after["position"]["seq"], last, "{after:#}");
        }
    }
    let (end, digest) = stood.last().unwrap();
    let newest = told(node, &["snapshot", "restore"]).await;
    assert_eq!(newest["digest"], digest.as_str(), "{newest:#}");
    let beyond = refused(node, &["--at-seq", &(end + 1).to_string()]).await;
    assert!(beyond.contains("there is no entry"), "{beyond}");
    let before = refused(node, &["--at-time", "1970-01-02T00:00:00Z"]).await;
    assert!(before.contains("nothing was there yet"), "{before}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_before_is_served_in_a_directory_and_carried_into_a_new_cluster() {
    let mut cluster = launched().await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..100, 32)).await;
    // Epochs go on above those that have been.
    for _ in 0..2 {
        cluster.nodes[0].kill().await;
        cluster.nodes[0].start();
        stands(&cluster).await;
    }
    let node = &cluster.nodes[0];
    told(node, &["snapshot", "create"]).await;
    put_all(&client, &objects(100..200, 32)).await;
    let (seq, digest) = stands(&cluster).await;
    put_all(&client, &objects(200..300, 32)).await;
    let dir = cluster.dir.path().join("before");
    let to = dir.to_str().unwrap();
    let at = seq.to_string();
    let made = ["snapshot", "restore", "--at-seq", &at, "--to", to];
    let made = told(node, &made).await;
    let mut before = node_in(&dir);
    assert_eq!(made["config"], before.config.to_str().unwrap());
    let planned = told(&before, &["recover", "--plan"]).await;
    assert_eq!(planned["start"]["digest"], digest.as_str(), "{planned:#}");
    assert_eq!(planned["start"]["to"], made["position"], "{planned:#}");
    let start = &planned["start"];
    assert_eq!(start["restored_rows"], made["rows"], "{planned:#}");
    assert_eq!(start["restored_bytes"], planned["snapshots"][0]["bytes"]);
    assert!(start["restore_seconds"].as_f64() > Some(0.0), "{planned:#}");
    let epoch = |value: &Value| value["epoch"].as_u64().unwrap();
    assert!(
        epoch(&planned["log"]) > epoch(&made["position"]),
        "{planned:#}"
    );

    // Carried into another place, which holds nothing yet.
    let file = cluster.dir.path().join("before.export");
    let export = ["snapshot", "export", "--to", file.to_str().unwrap()];
    told(&before, &export).await;
    let other = TestCluster::prepare(&["a"], "1h");
    let import = ["snapshot", "import", file.to_str().unwrap()];
    let imported = told(&other.nodes[0], &import).await;
    assert_eq!(imported["digest"], digest.as_str(), "{imported:#}");

    before.start();
    let mut options = ClientOptions::default();
    options.deadline = PATIENCE;
    let endpoint = [before.endpoint.clone()];
    let reader = MetadataClient::connect(&endpoint, options).await.unwrap();
    all_exist(&reader, &objects(0..200, 32)).await;
    let later = reader.exists(&keys(&objects(200..300, 32))).await.unwrap();
    assert!(later.into_iter().all(|found| found == Ok(false)));
    // The cluster itself has gone on, and goes on.
    all_exist(&client, &objects(0..300, 32)).await;
    put_all(&client, &objects(300..400, 32)).await;

    let again = refused(node, &["--to", to]).await;
    assert!(again.contains("exists already"), "{again}");
    let beyond = cluster.dir.path().join("beyond");
    let beyond = beyond.to_str().unwrap();
    refused(node, &["--at-seq", "1000000", "--to", beyond]).await;
    assert_eq!(left_behind(cluster.dir.path()), Vec::<PathBuf>::new());
    assert!(!Path::new(beyond).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_between_the_snapshots_of_a_trimmed_log_is_refused_and_said_to_be_gone() {
    let mut cluster = with_small_segments(&["a"]);
    let config = &cluster.nodes[0].config;
    let text = fs::read_to_string(config).unwrap();
    fs::write(config, text + "keep = 30\n").unwrap();
    cluster.launch().await;
    let node = &cluster.nodes[0];
    let load = cluster.load(31).await;
    told(node, &["snapshot", "create"]).await;
    let catalog = told(node, &["snapshot", "list"]).await;
    let oldest = &catalog["snapshots"][0];
    let seq = oldest["position"]["seq"].as_u64().unwrap();
    let mut snapshots = 1;
    while inspect(&cluster).await["floor"].as_u64() <= Some(seq + 1) {
        snapshots += 1;
        assert!(snapshots < 20, "never trimmed so far");
        load.acknowledged_more(1000).await;
        told(node, &["snapshot", "create"]).await;
    }
    load.verdict(&cluster).await;
    let exact = restored(node, "--at-seq", seq).await;
    assert_eq!(exact["digest"], oldest["digest"], "{exact:#}");
    let between = refused(node, &["--at-seq", &(seq + 1).to_string()]).await;
    assert!(
        between.contains("cannot be made again") && between.contains("snapshot list"),
        "{between}"
    );
    let before = refused(node, &["--at-seq", &(seq - 1).to_string()]).await;
    assert!(before.contains("every snapshot is of later"), "{before}");
}

/// Without a log there is nothing between two snapshots, and at any moment between them the state counts that one has.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_a_moment_is_the_snapshot_of_before_and_an_entry_must_be_one() {
    let cluster = snapshot_mode::start(&["a"]).await;
    let node = &cluster.nodes[0];
    let client = lender(&cluster, PATIENCE).await;
    for round in 0..2 {
        put_all(&client, &objects(round * 100..round * 100 + 100, 32)).await;
        told(node, &["snapshot", "create"]).await;
    }
    let catalog = told(node, &["snapshot", "list"]).await;
    let listed = catalog["snapshots"].as_array().unwrap();
    let [.., older, newest] = &listed[..] else {
        panic!("{catalog:#}");
    };
    let seq = |listed: &Value| listed["position"]["seq"].as_u64().unwrap();
    let exact = restored(node, "--at-seq", seq(older)).await;
    assert_eq!(exact["digest"], older["digest"], "{exact:#}");
    let stamp = restored(node, "--at-seq", seq(newest)).await["stamp_ms"].as_u64();
    let before = restored(node, "--at-time", stamp.unwrap() - 1).await;
    assert_eq!(before["digest"], older["digest"], "{before:#}");
    let between = refused(node, &["--at-seq", &(seq(older) + 1).to_string()]).await;
    assert!(between.contains("without a log"), "{between}");
    let drilled = told(node, &["drill"]).await;
    assert_eq!(drilled["problems"], Value::Array(Vec::new()), "{drilled:#}");
    assert_eq!(drilled["digest"], newest["digest"], "{drilled:#}");
}
