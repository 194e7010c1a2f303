//! An entry in the middle of the log that no node can apply: all stop at it, until an operator has it passed over.

use std::borrow::Cow;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use standfast::node::ClusterStatus;
use standfast_backends::FileOpLog;
use standfast_core::{
    BatchBuilder, BatchEnd, ByteSize, Entry, EntryId, Epoch, EpochStart, FenceToken, NodeId,
    OpLogStore, OpLogWriter, OpType, Position, Seq, Store, Versions,
};

use crate::http;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::support::{TestCluster, same_state};

const PATIENCE: Duration = Duration::from_mins(1);

async fn append(writer: &mut dyn OpLogWriter, op_type: OpType, payload: &[u8]) -> Position {
    let previous = writer.tail();
    let mut builder = BatchBuilder::new(previous.seq.next());
    builder
        .push(&Entry {
            seq: previous.seq.next(),
            timestamp_ms: 1,
            op_type,
            id: EntryId::default(),
            key: Cow::Borrowed(b"default\0key"),
            payload: Cow::Borrowed(payload),
        })
        .unwrap();
    let end = BatchEnd {
        epoch: writer.epoch(),
        previous,
        committed: previous.seq,
        digest: None,
    };
    writer.append(&builder.seal(&end).unwrap()).await.unwrap()
}

/// A term of somebody who writes an operation that nobody knows, after everything that is there.
async fn spoil(cluster: &TestCluster) -> Seq {
    let dir = cluster.dir.path().join("log");
    let log = FileOpLog::open(&dir, ByteSize::mib(4)).unwrap();
    let token = FenceToken {
        cluster: log.fingerprint().await.unwrap().unwrap(),
        epoch: Epoch(log.bounds().await.unwrap().epoch.0 + 1),
        holder: NodeId::new("z").unwrap(),
        nonce: 1,
        proof: String::new(),
    };
    let mut writer = log.open_writer(&token).await.unwrap();
    let start = EpochStart {
        epoch: token.epoch,
        previous: writer.tail(),
        node: token.holder.clone(),
        versions: Versions {
            written: 1,
            lowest_reader: 1,
            digest: 1,
        },
        unclean: false,
    };
    append(&mut *writer, OpType::EPOCH_START, &start.encode()).await;
    let spoilt = append(&mut *writer, OpType::FIRST_OF_SERVICE, &[0xee; 200]).await;
    writer.mark_committed().await.unwrap();
    spoilt.seq
}

async fn kill_all(cluster: &mut TestCluster) {
    for node in &mut cluster.nodes {
        node.kill().await;
    }
}

async fn skip(cluster: &TestCluster, seq: Seq) -> (Output, String) {
    let seq = seq.to_string();
    let words = [
        "oplog", "skip", "--seq", &seq, "--reason", "a test", "-o", "json",
    ];
    let output = cluster.nodes[1].command(&words).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_nobody_can_apply_stops_all_nodes_until_it_is_passed_over_by_all() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..20, 8)).await;
    let (output, told) = skip(&cluster, Seq(3)).await;
    assert!(!output.status.success() && told.contains("leads"), "{told}");
    kill_all(&mut cluster).await;
    let spoilt = spoil(&cluster).await;

    for node in &mut cluster.nodes {
        node.start();
    }
    let names_it = |failure: &String| {
        let entry = format!("entry {spoilt} of op type");
        failure.contains(&entry) && failure.contains("payload of 200 bytes: [ee, ee")
    };
    let all_stop = |status: &ClusterStatus| {
        let mut failures = status.nodes.iter().map(|node| &node.failure);
        status.nodes.len() == 2 && failures.all(|failure| failure.as_ref().is_some_and(names_it))
    };
    cluster.until("both to name the entry", all_stop).await;
    kill_all(&mut cluster).await;

    let (output, told) = skip(&cluster, Seq(spoilt.0 - 1)).await;
    let wanted = format!("{spoilt} is: ");
    assert!(!output.status.success() && told.contains(&wanted), "{told}");
    let (output, told) = skip(&cluster, spoilt).await;
    assert!(output.status.success(), "{told}");
    let skipped: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(skipped["seq"], spoilt.0);
    let (output, told) = skip(&cluster, spoilt).await;
    assert!(
        !output.status.success() && told.contains("can be applied"),
        "{told}"
    );

    for node in &mut cluster.nodes {
        node.start();
    }
    all_exist(&client, &objects(0..20, 8)).await;
    put_all(&client, &objects(20..40, 8)).await;
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    let (_, metrics) = http::get(&cluster.nodes[0].http, "/metrics").await;
    let counted = http::value(&metrics, "standfast_skipped_entries_total", &[]);
    assert_eq!(counted, Some(1.0), "{metrics}");
    cluster.verify_log().await;
    let words = ["oplog", "inspect", "-o", "json"];
    let inspected = cluster.nodes[0].command(&words).await;
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["skips"][0], skipped, "{inspected:#}");
    assert_eq!(inspected["skips"][0]["reason"], "a test");
}
