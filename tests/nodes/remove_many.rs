use std::time::Duration;

use serde_json::{Value, json};

use crate::lender::{all_exist, lender, objects, put_all};
use crate::node::standfast;
use crate::support::TestCluster;

/// `object remove` with these words: exit code, standard output, standard error.
async fn remove(cluster: &TestCluster, words: &[&str]) -> (Option<i32>, String, String) {
    let output = standfast()
        .args(["object", "remove", "--endpoint"])
        .arg(cluster.endpoints().join(","))
        .args(words)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    (output.status.code(), out, err)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_removes_what_matches_or_all_and_asks_before() {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, Duration::from_mins(1)).await;
    let stored = objects(0..8000, 32);
    put_all(&client, &stored).await;

    let (code, _, err) = remove(&cluster, &["--all", "--force"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("--yes"), "not a terminal: {err}");
    all_exist(&client, &stored).await;

    // All are leased now.
    let ending = ["--regex", "99$", "-o", "json"];
    let (code, out, _) = remove(&cluster, &ending).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told, json!({"removed": 0, "skipped": {"leased": 80}}));
    assert_eq!(code, Some(1), "some were skipped");

    let (code, out, _) = remove(&cluster, &[&ending[..], &["--force"]].concat()).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told, json!({"removed": 80, "skipped": {}}));
    assert_eq!(code, Some(0));

    let (code, out, err) = remove(&cluster, &["--all", "--force", "--yes"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("7920"), "{out}");
    let left = client.list_objects(b"", 0, None).await.unwrap();
    assert_eq!(left.objects, []);
}
