use serde_json::Value;

use crate::lender::lender;
use crate::node::standfast;
use crate::support::TestCluster;

/// `object` with these words: exit code, and what it says of the one key.
async fn object(cluster: &TestCluster, words: &[&str]) -> (Option<i32>, Value) {
    let output = standfast()
        .args(["object"])
        .args(words)
        .args(["-o", "json", "--endpoint"])
        .arg(cluster.endpoints().join(","))
        .output()
        .await
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), told[0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_written_again_only_when_asked_and_the_new_one_outlives_the_primary() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let _lender = lender(&cluster, std::time::Duration::from_mins(1)).await;
    let put = ["put", "k", "--size", "64B", "--checksum"];
    let (code, first) = object(&cluster, &[&put[..], &["1"]].concat()).await;
    assert_eq!(code, Some(0), "{first}");
    let (code, again) = object(&cluster, &[&put[..], &["2"]].concat()).await;
    assert_eq!(code, Some(1), "{again}");
    let (code, over) = object(&cluster, &[&put[..], &["3", "--overwrite"]].concat()).await;
    assert_eq!(code, Some(0), "{over}");

    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    let (code, found) = object(&cluster, &["get", "k"]).await;
    assert_eq!((code, &found["checksum"]), (Some(0), &Value::from(3)));
    assert_ne!(
        found["replicas"], first["replicas"],
        "in its first lease nothing is written where it is"
    );
}
