//! What a stream of the log refuses: strangers, nonsense, and settings and commands that are of one log.

use std::fs;

use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, Store};
use standfast_wire::v1::replication_service_client::ReplicationServiceClient;
use standfast_wire::v1::sync_op_log_request::Body as Ask;
use standfast_wire::v1::{SyncHello, SyncOpLogRequest, SyncPlace};
use tonic::{Code, Status};

use crate::node::TestNode;
use crate::stream::{log_dir, prepared, start};
use crate::support::TestCluster;

/// Says these things to a node, and returns how its answers end.
async fn refusal(endpoint: &str, asks: Vec<Ask>) -> Status {
    let client = ReplicationServiceClient::connect(format!("http://{endpoint}")).await;
    let asks: Vec<_> = asks
        .into_iter()
        .map(|body| SyncOpLogRequest { body: Some(body) })
        .collect();
    let answers = client.unwrap().sync_op_log(tokio_stream::iter(asks)).await;
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(status) => return status,
    };
    loop {
        match answers.message().await {
            Ok(answer) => assert!(answer.is_some(), "it ended without a word"),
            Err(status) => return status,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_cluster_or_that_makes_no_sense_is_refused() {
    let cluster = start(&["a", "b"]).await;
    let log = FileOpLog::open(&log_dir(&cluster, "b"), ByteSize::mib(4)).unwrap();
    let fingerprint = log.fingerprint().await.unwrap().unwrap();
    let good = SyncHello {
        node: "b".to_owned(),
        fingerprint: fingerprint.bytes().to_vec(),
        log_id: vec![7; 16],
    };
    let foreign = SyncHello {
        fingerprint: vec![0; 16],
        ..good.clone()
    };
    let short = SyncHello {
        log_id: vec![7],
        ..good.clone()
    };
    let (a, b) = (&cluster.nodes[0].endpoint, &cluster.nodes[1].endpoint);
    let nowhere = Ask::Place(SyncPlace::default());
    for (endpoint, asks, code) in [
        (a, vec![Ask::Hello(foreign)], Code::PermissionDenied),
        (a, vec![Ask::Hello(short)], Code::InvalidArgument),
        (a, vec![nowhere.clone()], Code::InvalidArgument),
        (
            a,
            vec![Ask::Hello(good.clone()), nowhere],
            Code::InvalidArgument,
        ),
        (a, vec![Ask::Hello(good.clone())], Code::Cancelled),
        (b, vec![Ask::Hello(good.clone())], Code::FailedPrecondition),
    ] {
        let status = refusal(endpoint, asks.clone()).await;
        assert_eq!(status.code(), code, "{asks:?}: {status}");
    }
    let shared = TestCluster::start(&["c"]).await;
    let status = refusal(&shared.nodes[0].endpoint, vec![Ask::Hello(good)]).await;
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
}

#[tokio::test]
async fn what_would_change_one_log_of_many_is_refused() {
    let cluster = prepared(&["a"], "4MiB").await;
    let node = &cluster.nodes[0];
    for (words, told) in [
        (&["recover", "--accept-loss"][..], "bring the node back"),
        (
            &["oplog", "skip", "--seq", "1", "--reason", "x"],
            "upgrade the nodes",
        ),
    ] {
        let output = node.command(words).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn what_a_stream_needs_is_said_before_anything_starts() {
    let cluster = prepared(&["a"], "4MiB").await;
    let node = &cluster.nodes[0];
    let good = fs::read_to_string(&node.config).unwrap();
    for (from, to, told) in [
        ("failover = \"manual\"\n", "", "or failover = \"manual\""),
        ("founder = \"a\"\n", "", "needs founder"),
        ("mode = \"stream\"\n", "", "founder with mode = \"log\""),
        (
            "type = \"file\"\ndir = \"log-a\"\nsegment_size = \"4MiB\"",
            "type = \"memory\"\nack = \"async\"",
            "cannot be filled from another node's log",
        ),
        (
            "[oplog]\n",
            "[oplog]\nack = \"replicated\"\n",
            "failover = \"manual\" with",
        ),
        (
            "founder = \"a\"\n",
            "founder = \"a\"\nmin_acks = 2\n",
            "where no standby is waited for",
        ),
        (
            "founder = \"a\"\n",
            "founder = \"a\"\nmember_timeout = \"1s\"\n",
            "remove it, or set ack",
        ),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        refuses(node, &bad, told).await;
    }
}

async fn refuses(node: &TestNode, config: &str, told: &str) {
    fs::write(&node.config, config).unwrap();
    let output = node.command(&["serve"]).await;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(told), "{said}");
}

#[tokio::test]
async fn what_replicated_writes_need_is_said_before_anything_starts() {
    let cluster = prepared(&["a"], "4MiB").await;
    let node = &cluster.nodes[0];
    let text = fs::read_to_string(&node.config).unwrap();
    let good = text.replace(
        "failover = \"manual\"\n[oplog]",
        "[oplog]\nack = \"replicated\"",
    );
    for (from, to, told) in [
        (
            "founder = \"a\"",
            "founder = \"a\"\nmin_acks = 0",
            "want at least 1",
        ),
        (
            "founder = \"a\"",
            "founder = \"a\"\nmember_timeout = \"10ms\"",
            "less than 50ms",
        ),
        (
            "founder = \"a\"",
            "founder = \"a\"\non_too_few = \"panic\"",
            "on_too_few",
        ),
        (
            "mode = \"stream\"\nfounder = \"a\"",
            "mode = \"log\"",
            "where there is one log for all nodes",
        ),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        refuses(node, &bad, told).await;
    }
}
