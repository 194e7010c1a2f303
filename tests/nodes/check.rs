//! What `check` predicts, beside nodes that run.

use std::time::Duration;

use serde_json::Value;

use crate::lender::{lender, objects, put_all};
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

async fn predicted(cluster: &TestCluster, words: &[&str]) -> Value {
    let output = cluster.nodes[0].command(words).await;
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["predicted"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_predicts_from_the_configuration_and_from_the_sizes_of_now() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    for round in 0..2 {
        put_all(&client, &objects(round * 100..(round + 1) * 100, 8)).await;
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
    }
    put_all(&client, &objects(200..250, 8)).await;

    let alone = predicted(&cluster, &["check", "-o", "json"]).await;
    assert_eq!(alone["lost_with_primary"]["entries"], 0);
    assert_eq!(alone["lost_with_log"]["ms"], 3_600_000);
    assert_eq!(alone["cold_start"], Value::Null);

    let words = ["check", "--connect", "-o", "json"];
    let told = predicted(&cluster, &words).await;
    let cold = &told["cold_start"];
    assert!(cold["rows"].as_u64() >= Some(200), "{told}");
    assert!(
        cold["entries"].as_u64() >= Some(100),
        "a start and an end each: {told}"
    );
    let (now, worst) = (&cold["seconds"], &cold["at_worst_seconds"]);
    assert!(worst.as_f64() >= now.as_f64(), "an hour of this: {told}");
    let disk = &told["disk"];
    assert!(disk["log_bytes"].as_u64() > Some(0), "{told}");
    assert!(disk["available_bytes"].as_u64() > Some(0), "{told}");
    assert!(disk["log_bytes_per_s"].as_u64() > Some(0), "{told}");

    let output = cluster.nodes[0].command(&["check", "--connect"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("loses nothing that was acknowledged"),
        "{text}"
    );
    assert!(text.contains("a cold start now takes about"), "{text}");
}
