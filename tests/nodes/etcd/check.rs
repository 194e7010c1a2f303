//! What `check --connect` tells of an etcd.

use etcd_client::Client;
use serde_json::Value;

use super::full::fill;
use super::secure::demand_users;
use super::{Members, opened, start_on};
use crate::node::TestNode;
use crate::support::TestCluster;

async fn checked(node: &TestNode) -> Value {
    let output = node.command(&["check", "--connect", "-o", "json"]).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn text(node: &TestNode) -> String {
    let output = node.command(&["check", "--connect"]).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn initialised(members: &Members) -> TestCluster {
    let cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_etcd(&members.settings(), "2s");
    cluster.initialise().await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_versions_sizes_latency_clocks_and_that_fencing_holds_beside_nodes_that_run() {
    let (cluster, members) = start_on(Members::start(), "5s").await;
    members.kill(2).await;
    let node = &cluster.nodes[0];
    let told = checked(node).await;
    let connected = &told["connected"];
    let servers = connected["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 3, "{told:#}");
    for (server, endpoint) in servers.iter().zip(&members.endpoints) {
        assert_eq!(server["endpoint"], **endpoint);
        if endpoint == &members.endpoints[1] {
            let problem = server["problem"].as_str().unwrap();
            assert!(problem.contains("refused"), "{told:#}");
            continue;
        }
        assert!(server["version"].as_str().unwrap().starts_with("etcd 3."));
        assert!(server["size_bytes"].as_u64() > Some(0), "{told:#}");
        assert_eq!(server["problem"], Value::Null, "{told:#}");
    }
    let trial = &connected["trial"];
    assert_eq!(trial["fencing_proved"], true, "{told:#}");
    for what in ["read", "write"] {
        let (median, max) = (&trial[what]["median_ms"], &trial[what]["max_ms"]);
        assert!(median.as_f64() > Some(0.0), "{told:#}");
        assert!(max.as_f64() >= median.as_f64(), "{told:#}");
    }
    let text = text(node).await;
    for line in [
        "fencing proved",
        "clocks: no wall clock",
        "etcd 3.",
        "a write ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let left = members.keys("/standfast/test-scratch").await;
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_why_a_log_was_not_tried() {
    let members = Members::launch(1, &[], &[]);
    let cluster = initialised(&members).await;
    let dir = cluster.dir.path();
    std::fs::write(dir.join("password"), "secret").unwrap();
    demand_users(&members, "standfast", "secret", "/standfast/test/");
    let config = &cluster.nodes[0].config;
    let written = std::fs::read_to_string(config).unwrap();
    let as_user = "type = \"etcd\"\nuser = \"standfast\"\npassword_file = \"password\"";
    std::fs::write(config, written.replace("type = \"etcd\"", as_user)).unwrap();
    let told = checked(&cluster.nodes[0]).await;
    assert_eq!(told["connected"]["trial"], Value::Null, "{told:#}");
    let why = told["connected"]["not_tried"].as_str().unwrap();
    assert!(why.contains("grant its role"), "{why}");
    let text = text(&cluster.nodes[0]).await;
    assert!(text.contains("WARNING: latency is not known"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_is_full_is_a_problem() {
    let members = Members::launch(1, &["--quota-backend-bytes=8388608"], &[]);
    let cluster = initialised(&members).await;
    fill(&mut Client::connect(&members.endpoints, None).await.unwrap()).await;
    let node = &cluster.nodes[0];
    let output = node.command(&["check", "--connect"]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{told}");
    assert!(
        told.contains("is full: compact and defragment it"),
        "{told}"
    );
    let log = opened::log(cluster.dir.path(), &members.settings()).await;
    let servers = log.unwrap().servers().await.unwrap();
    let problem = servers[0].problem.as_deref().unwrap_or_default();
    assert!(problem.starts_with("is full"), "{servers:?}");
}
