//! A client that lends memory dies together with the primary.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use standfast_metadata::{ClientId, MetadataClient, Op, Placement, PutObject};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::{Instant, interval};

use crate::lender::{all_exist, keys, lender, objects, put_all};
use crate::node::standfast;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

/// A process that lends a segment of this name.
pub(crate) async fn lending(cluster: &TestCluster, name: &str) -> Child {
    let mut command = standfast();
    command.args(["segment", "mount", "--size", "1GiB", "--name", name]);
    command.arg("--endpoint").arg(cluster.endpoints().join(","));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.contains("mounted"), "{line}");
    child
}

/// Waits until so many segments are lent.
pub(crate) async fn until_lent(client: &MetadataClient, count: usize) {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = interval(Duration::from_millis(100));
    while client.list_segments().await.unwrap().len() != count {
        assert!(
            Instant::now() < give_up,
            "waited {PATIENCE:?} for {count} segments"
        );
        ticks.tick().await;
    }
}

async fn put_into(client: &MetadataClient, name: &str, objects: &[PutObject]) {
    let placement = Placement {
        preferred: vec![name.to_owned()],
        ..Placement::default()
    };
    for put in client.put(objects, &placement).await.unwrap() {
        assert_eq!(put.unwrap().replicas[0].segment.name, name);
    }
}

/// Op type and epoch of every entry.
async fn logged(cluster: &TestCluster) -> Vec<(u8, u64)> {
    let dumped = cluster.nodes[0].command(&["oplog", "dump", "-o", "json"]);
    let dumped = dumped.await;
    assert!(dumped.status.success(), "{dumped:?}");
    let entry = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap();
        let op_type = u8::try_from(entry["op_type"].as_u64().unwrap()).unwrap();
        (op_type, entry["epoch"].as_u64().unwrap())
    };
    let text = String::from_utf8(dumped.stdout).unwrap();
    text.lines().map(entry).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lender_that_dies_with_the_primary_is_expired_through_the_log_of_the_next() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let mut dies = lending(&cluster, "dies").await;
    let all = objects(0..1000, 32);
    let (lost, kept) = all.split_at(500);
    put_into(&client, "dies", lost).await;
    put_into(&client, "lent", kept).await;

    let leader = cluster.leader().await;
    dies.kill().await.unwrap();
    cluster.node(&leader).kill().await;

    until_lent(&client, 1).await;
    all_exist(&client, kept).await;
    let found = client.exists(&keys(lost)).await.unwrap();
    assert!(found.into_iter().all(|found| found == Ok(false)));
    let left = client.list_objects(b"", 0, None).await.unwrap();
    assert_eq!(left.objects.len(), kept.len(), "no ghosts");
    put_all(&client, lost).await;
    all_exist(&client, &all).await;

    for node in cluster.nodes.iter_mut().filter(|node| node.child.is_some()) {
        node.kill().await;
    }
    let expire = Op::Expire {
        client: ClientId::NONE,
        hold_ms: 0,
        remember_ms: 1,
    };
    let expired: Vec<_> = logged(&cluster)
        .await
        .into_iter()
        .filter(|(op_type, _)| *op_type == expire.op_type().0)
        .map(|(_, epoch)| epoch)
        .collect();
    assert_eq!(expired, [2], "once, by the successor");
}
