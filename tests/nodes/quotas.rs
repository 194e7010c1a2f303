use serde_json::Value;

use crate::lender::lender;
use crate::node::standfast;
use crate::support::TestCluster;

/// A command with these words: exit code, and what it prints.
async fn run(cluster: &TestCluster, words: &[&str]) -> (Option<i32>, Value) {
    let output = standfast()
        .args(words)
        .args(["-o", "json", "--endpoint"])
        .arg(cluster.endpoints().join(","))
        .output()
        .await
        .unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_set_listed_and_kept_by_the_next_primary() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let _lender = lender(&cluster, std::time::Duration::from_mins(1)).await;
    let set = ["quota", "set", "--tenant", "t", "--bytes", "1KiB"];
    let (code, told) = run(&cluster, &set).await;
    assert_eq!((code, &told["quota_bytes"]), (Some(0), &Value::from(1024)));
    let put = |key, size| ["object", "put", key, "--size", size, "--tenant", "t"];
    let (code, told) = run(&cluster, &put("a", "1000B")).await;
    assert_eq!(code, Some(0), "{told}");

    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    let (code, told) = run(&cluster, &put("b", "25B")).await;
    assert_eq!(code, Some(1), "{told}");
    let error = told[0]["error"].as_str().unwrap();
    assert!(error.contains("1000 of 1024 bytes"), "{error}");
    let (code, told) = run(&cluster, &["quota", "list"]).await;
    assert_eq!(
        (code, &told[0]["used_bytes"]),
        (Some(0), &Value::from(1000))
    );

    let (code, told) = run(&cluster, &["quota", "remove", "--tenant", "t"]).await;
    assert_eq!((code, &told["quota_bytes"]), (Some(0), &Value::Null));
    let (code, told) = run(&cluster, &put("b", "25B")).await;
    assert_eq!(code, Some(0), "{told}");
}
