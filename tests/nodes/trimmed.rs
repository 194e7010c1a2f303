use std::process::Output;

use serde_json::Value;

use crate::bad_input::edit;
use crate::support::TestCluster;

/// Nodes whose log was trimmed behind snapshots; they are down.
pub(crate) async fn trimmed() -> TestCluster {
    let mut cluster = with_small_segments(&["a"]);
    cluster.launch().await;
    trim(&cluster).await;
    cluster.nodes[0].kill().await;
    cluster
}

/// Nodes, not started yet, whose segments are so small that trim finds whole ones.
pub(crate) fn with_small_segments(names: &[&str]) -> TestCluster {
    let cluster = TestCluster::prepare(names, "1h");
    for node in &cluster.nodes {
        edit(node, "4MiB", "64KiB");
    }
    cluster
}

/// Makes entries and snapshots until the log is trimmed.
pub(crate) async fn trim(cluster: &TestCluster) {
    let load = cluster.load(31).await;
    let mut snapshots = 0;
    while inspect(cluster).await["floor"].as_u64().unwrap() == 1 {
        snapshots += 1;
        assert!(snapshots < 20, "never trimmed");
        told(&cluster.nodes[0].command(&["snapshot", "create"]).await);
        load.acknowledged_more(1000).await;
    }
    load.verdict(cluster).await;
}

fn told(output: &Output) -> &[u8] {
    assert!(output.status.success(), "{output:?}");
    &output.stdout
}

pub(crate) async fn inspect(cluster: &TestCluster) -> Value {
    let words = ["oplog", "inspect", "-o", "json"];
    let output = cluster.nodes[0].command(&words).await;
    serde_json::from_slice(told(&output)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trimmed_log_is_inspected_dumped_and_verified_from_its_floor() {
    let cluster = trimmed().await;
    let found = inspect(&cluster).await;
    let floor = found["floor"].as_u64().unwrap();
    let tail = found["tail"]["seq"].as_u64().unwrap();
    assert_eq!(found["entries"], tail + 1 - floor, "{found:#}");
    let oldest = &found["terms"][0];
    assert_eq!(oldest["first"], floor, "{found:#}");
    assert_eq!(oldest["epoch"], 1, "{found:#}");
    assert_eq!(oldest["trimmed"], true, "{found:#}");

    let dumped = cluster.nodes[0].command(&["oplog", "dump", "-o", "json"]);
    let dumped = String::from_utf8(told(&dumped.await).to_vec()).unwrap();
    let seqs = dumped.lines().map(|line| {
        let entry: Value = serde_json::from_str(line).unwrap();
        entry["seq"].as_u64().unwrap()
    });
    assert!(seqs.eq(floor..=tail), "{floor} to {tail}");

    let verified = cluster.verify_log().await;
    assert_eq!(verified["from"]["seq"], floor - 1, "{verified:#}");
    assert_eq!(verified["entries"], tail + 1 - floor, "{verified:#}");
    let replayed_from = verified["replayed_from"]["seq"].as_u64().unwrap();
    assert!(replayed_from >= floor, "two snapshots: {verified:#}");

    // The log alone is enough to look at it.
    for folder in ["catalog", "manifests", "parts"] {
        std::fs::remove_dir_all(cluster.dir.path().join("bucket/test").join(folder)).unwrap();
    }
    assert_eq!(inspect(&cluster).await["entries"], found["entries"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_between_the_floor_and_the_snapshot_is_found() {
    let cluster = trimmed().await;
    let segments = std::fs::read_dir(cluster.dir.path().join("log/segments")).unwrap();
    let oldest = segments.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = std::fs::read(&oldest).unwrap();
    // In the header of the first frame, behind the 128 bytes of the segment's: further on could be padding.
    bytes[160] ^= 1;
    std::fs::write(&oldest, bytes).unwrap();

    let verify = cluster.nodes[0].command(&["oplog", "verify", "-o", "json"]);
    let output = verify.await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verified["ok"], false);
    let problem = verified["problem"].as_str().unwrap();
    let name = oldest.file_name().unwrap().to_str().unwrap();
    assert!(problem.contains(name), "{name} in {problem}");
}
