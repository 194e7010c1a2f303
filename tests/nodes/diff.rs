use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::lender::{keys, lender, objects, put_all};
use crate::node::TestNode;
use crate::support::TestCluster;

async fn lines(node: &TestNode, words: &[&str]) -> Vec<Value> {
    let output = node.command(words).await;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn snapshot(node: &TestNode) -> String {
    let output = node.command(&["snapshot", "create", "-o", "json"]).await;
    assert!(output.status.success(), "{output:?}");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_the_objects_between_two_snapshots_is_told_key_by_key() {
    let cluster = TestCluster::start(&["a"]).await;
    let node = &cluster.nodes[0];
    let client = lender(&cluster, Duration::from_secs(10)).await;
    let before = objects(0..500, 8);
    put_all(&client, &before).await;
    let older = snapshot(node).await;
    put_all(&client, &objects(500..502, 8)).await;
    let gone = keys(&before[3..4]);
    client.remove(&gone, true).await.unwrap()[0]
        .clone()
        .unwrap();
    snapshot(node).await;

    let words = ["snapshot", "diff", &older, "latest", "--keys", "-o", "json"];
    let mut told = lines(node, &words).await;
    let counts = told.pop().unwrap();
    let numbers = ["added", "removed", "changed", "same"].map(|name| counts[name].as_u64());
    assert_eq!(numbers, [Some(2), Some(1), Some(0), Some(499)], "{counts}");
    let mut told: Vec<_> = told
        .iter()
        .map(|line| {
            assert_eq!(line["tenant"], "default", "{line}");
            (
                line["key"].as_str().unwrap(),
                line["change"].as_str().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    let expected = [
        ("00000003", "removed"),
        ("00000500", "added"),
        ("00000501", "added"),
    ];
    assert_eq!(told, expected);
    assert_eq!(gone, [Bytes::from("00000003")]);

    let unknown = node.command(&["snapshot", "diff", "latest", "none"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}
