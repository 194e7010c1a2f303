//! What the command line says when what it was asked for cannot be.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::lender::{lender, objects, put_all};
use crate::node::standfast;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

async fn run(words: &[&str]) -> (Output, String) {
    let output = standfast().args(words).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_where_nobody_listens_is_told_as_such_and_soon() {
    for words in [
        ["object", "list"].as_slice(),
        &["replay", "--generate", "1"],
        &["status"],
    ] {
        let words = [words, &["--endpoint", "127.0.0.1:1"]].concat();
        let asked = tokio::time::timeout(Duration::from_secs(20), run(&words));
        let (output, told) = asked.await.expect("it gives up before a client would");
        assert_eq!(output.status.code(), Some(1), "{told}");
        let wanted = "cannot connect to 127.0.0.1:1: connection refused";
        assert!(told.contains(wanted), "{words:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_words_are_refused_before_anybody_is_asked() {
    let at = ["--endpoint", "127.0.0.1:1"];
    let no_port = ["--endpoint", "foo"];
    let config = ["--config", "none.toml"];
    let seconds = ["--seconds", "0"];
    let cases: [(&[&str], &[&str], &str); 13] = [
        (
            &["segment", "mount", "--size", "1GiB", "--name", ""],
            &at,
            "want a name",
        ),
        (
            &[
                "segment", "mount", "--size", "1GiB", "--name", "n", "--count", "0",
            ],
            &at,
            "--count",
        ),
        (&["status"], &[], "--endpoint"),
        (&["switchover", "--to", "a"], &[], "--endpoint"),
        (&["bench", "put"], &seconds, "want a time above zero"),
        (&["status"], &no_port, "want host:port"),
        (&["object", "list"], &no_port, "want host:port"),
        (&["replay"], &at, "--generate"),
        (&["replay", "--generate", "1"], &no_port, "want host:port"),
        (
            &["object", "put", "k9", "k9", "--size", "1KiB"],
            &at,
            "`k9` is named twice",
        ),
        (
            &["quota", "set", "--tenant", "", "--objects", "1"],
            &at,
            "want the name of a tenant",
        ),
        (
            &["object", "remove", "--all", "--yes", "--tenant", ""],
            &at,
            "want the name of a tenant",
        ),
        (
            &["oplog", "skip", "--seq", "7", "--reason", " "],
            &config,
            "say why",
        ),
    ];
    for (words, endpoint, wanted) in cases {
        let (output, told) = run(&[words, endpoint].concat()).await;
        assert!(!output.status.success(), "{words:?}");
        assert!(told.contains(wanted), "{words:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_snapshot_there_is_none_to_restore_and_a_created_one_is_listed() {
    let cluster = TestCluster::start(&["a"]).await;
    let node = &cluster.nodes[0];
    for words in [["snapshot", "restore"], ["snapshot", "verify"]] {
        let output = node.command(&words).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("there is no snapshot"), "{told}");
    }
    let created = node.command(&["snapshot", "create", "-o", "json"]).await;
    let created: Value = serde_json::from_slice(&created.stdout).unwrap();
    let listed = node.command(&["snapshot", "list", "-o", "json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["snapshots"][0]["id"], created["id"], "{listed:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_answer_is_listed_and_does_not_lead() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let leader = cluster.leader().await;
    let other = if leader == "a" { "b" } else { "a" };
    cluster.node(other).signal("STOP");
    let endpoint = cluster.node(&leader).endpoint.clone();
    let (output, _) = run(&["status", "-o", "json", "--endpoint", &endpoint]).await;
    cluster.node(other).signal("CONT");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = status["nodes"].as_array().unwrap();
    let silent = nodes.iter().find(|node| node["id"] == other);
    let silent = silent.expect("it is registered");
    assert_eq!(silent["failure"], "no answer", "{status:#}");
    assert_eq!(silent["in_sync"], false);
    assert_eq!(status["leader"], leader.as_str(), "{status:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_reader_has_gone_ends_without_a_word() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..10_000, 32)).await;
    let mut list = standfast();
    list.args(["object", "list", "--endpoint", &cluster.nodes[0].endpoint]);
    let mut list = list
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut head = [0; 10];
    let mut out = list.stdout.take().unwrap();
    out.read_exact(&mut head).await.unwrap();
    drop(out);
    let output = list.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(141), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_replay_says_how_far_it_got_and_looks_for_what_was_acknowledged() {
    let cluster = TestCluster::start(&["a"]).await;
    let record = cluster.dir.path().join("record");
    let mut replay = standfast();
    replay.args(["replay", "--generate", "200000", "--clients", "2"]);
    replay.args(["-o", "json", "--endpoint", &cluster.nodes[0].endpoint]);
    replay.arg("--record").arg(&record);
    let replay = replay
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    while std::fs::metadata(&record).map_or(0, |record| record.len()) < 10_000 {
        looks.tick().await;
    }
    let pid = replay.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", "INT", &pid])
        .status();
    assert!(sent.unwrap().success());
    let output = replay.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("interrupted after "), "{told}");
    assert!(told.contains(" of 200000 requests"), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["missing"], 0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_nothing_to_do_says_so() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let node = &cluster.nodes[0];
    let refused = node.command(&["switchover", "--to", "a"]).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("`a` leads already, in epoch 1"), "{told}");

    let stepped = node.command(&["step-down", "-o", "json"]).await;
    let stepped: Value = serde_json::from_slice(&stepped.stdout).unwrap();
    assert_eq!(
        (&stepped["node"], &stepped["epoch"]),
        (&"a".into(), &1.into())
    );
    cluster
        .until("it to lead again", |status| {
            status.epoch.0 > 1 && status.leader.is_some()
        })
        .await;
    cluster.nodes[0].kill().await;
    let words = ["recover", "--accept-loss", "--yes", "-o", "json"];
    let accepted = cluster.nodes[0].command(&words).await;
    assert!(accepted.status.success(), "{accepted:?}");
    let accepted: Value = serde_json::from_slice(&accepted.stdout).unwrap();
    assert_eq!(accepted, serde_json::json!({ "lost": null }));
}
