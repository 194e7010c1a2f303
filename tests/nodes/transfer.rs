use std::time::Duration;

use serde_json::Value;
use standfast_metadata::{Placement, SegmentId, SegmentInfo, TransferKind};

use crate::lender::{client, keys, objects};
use crate::node::standfast;
use crate::support::TestCluster;

/// `object` with these words: exit code, and the names of the segments it tells of the one key.
async fn object(cluster: &TestCluster, words: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = standfast();
    command.arg("object").args(words);
    command.args(["-o", "json", "--endpoint"]);
    command.arg(cluster.endpoints().join(","));
    let output = command.output().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let replicas = told[0]["replicas"].as_array().unwrap();
    let name = |replica: &Value| replica["segment"].as_str().unwrap().to_owned();
    (output.status.code(), replicas.iter().map(name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_began_under_one_primary_ends_under_the_next() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = client(&cluster, Duration::from_mins(1)).await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let segment = SegmentInfo {
            id: SegmentId::random(),
            incarnation: 1,
            name: name.to_owned(),
            endpoint: format!("{name}.invalid:1"),
            base: 1 << 32,
            size: 1 << 30,
            protocol: "none".to_owned(),
        };
        client.mount_segment(&segment).await.unwrap().unwrap();
        ids.push(segment.id);
    }
    let stored = objects(0..1, 32);
    let placement = Placement {
        preferred: vec!["one".to_owned()],
        ..Placement::default()
    };
    client
        .put(&stored, &placement)
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let keys = keys(&stored);
    let started = client.transfer_start(TransferKind::Move, &keys, None, &ids[1..2]);
    started.await.unwrap().remove(0).unwrap();

    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    let key = std::str::from_utf8(&keys[0]).unwrap();
    assert_eq!(
        object(&cluster, &["get", key]).await,
        (Some(0), vec!["one".to_owned()])
    );
    let ended = client.transfer_end(TransferKind::Move, &keys).await;
    assert_eq!(ended.unwrap(), [Ok(())]);
    assert_eq!(
        object(&cluster, &["get", key]).await,
        (Some(0), vec!["two".to_owned()])
    );

    let copied = object(&cluster, &["copy", key, "--to", "one,three"]).await;
    assert_eq!(copied.1, ["one", "three"]);
    let moved = object(&cluster, &["move", key, "--from", "two", "--to", "one"]).await;
    assert_eq!(moved.0, Some(1), "it has a replica there");
    let all = object(&cluster, &["get", key]).await;
    assert_eq!(all.1, ["two", "one", "three"]);
}
