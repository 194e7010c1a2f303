//! Nodes that are found by nothing but the address of an etcd.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::Client;
use serde_json::Value;
use standfast::node::ClusterStatus;
use standfast::{ClusterUrl, Discovery, builtin, ports};
use standfast_core::{Clock, Role};
use standfast_metadata::{ClientOptions, MetadataClient};

use super::{Members, start};
use crate::node::standfast;
use crate::support::in_sync;

/// Where the cluster of these tests is registered.
fn url(members: &Members) -> String {
    let hosts: Vec<_> = members
        .endpoints
        .iter()
        .map(|endpoint| endpoint.trim_start_matches("http://"))
        .collect();
    format!("etcd://{}/test", hosts.join(","))
}

async fn run(words: &[&str]) -> (bool, String) {
    let output = standfast().args(words).output().await.unwrap();
    let told = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&told).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_find_the_nodes_by_the_address_of_the_etcd_alone() {
    let (mut cluster, members) = start("2s").await;
    let url = url(&members);
    let (good, told) = run(&["status", "--discover", &url, "-o", "json"]).await;
    assert!(good, "{told}");
    let status: ClusterStatus = serde_json::from_str(&told).unwrap();
    assert_eq!(status.nodes.len(), 2, "{status:?}");
    assert!(status.leader.is_some(), "{status:?}");

    let (good, told) = run(&["object", "list", "--discover", &url]).await;
    assert!(good, "{told}");
    let words = ["replay", "--generate", "200", "--discover", &url];
    let (good, told) = run(&[&words[..], &["-o", "json"]].concat()).await;
    let played: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"));
    assert!(good && played["missing"] == 0, "{played}");

    for node in &mut cluster.nodes {
        node.signal("TERM");
        node.child.take().unwrap().wait().await.unwrap();
    }
    let (good, told) = run(&["status", "--discover", &url]).await;
    assert!(
        !good && told.contains("no node of cluster `test` is registered"),
        "{told}"
    );
    let (good, told) = run(&["status", "--discover", &format!("{url}er")]).await;
    assert!(
        !good && told.contains("there is no cluster `tester`"),
        "{told}"
    );
}

/// What a node says of itself, and that who leads is said as soon as it is so.
#[tokio::test(flavor = "multi_thread")]
async fn every_node_registers_where_it_answers_what_it_is_and_how_far() {
    let (cluster, members) = start("2s").await;
    let load = cluster.load(61).await;
    let place: ClusterUrl = url(&members).parse().unwrap();
    let discovery = Discovery::open(place, &builtin(), &Clock::system())
        .await
        .unwrap();
    let leader = cluster.leader().await;
    let found = discovery.members().await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0].candidate.node.as_str(),
        leader,
        "the primary comes first"
    );
    for member in &found {
        let name = member.candidate.node.as_str();
        let node = cluster.nodes.iter().find(|node| node.name == name).unwrap();
        assert_eq!(member.candidate.endpoint, node.endpoint);
        assert_eq!(member.candidate.http, node.http);
        assert_eq!(member.role == Role::Primary, name == leader);
        assert_eq!(member.epoch, found[0].epoch);
        assert!(member.applied.0 > 0, "{member:?}");
        assert_eq!(member.version, env!("CARGO_PKG_VERSION"));
    }
    cluster.lost_nothing(load).await;
}

/// Not one of the nodes that it has known is where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_a_cluster_whose_nodes_have_all_moved() {
    let (mut cluster, members) = start("2s").await;
    let place: ClusterUrl = url(&members).parse().unwrap();
    let discovery = Discovery::open(place, &builtin(), &Clock::system())
        .await
        .unwrap();
    let mut options = ClientOptions::default();
    options.deadline = Duration::from_mins(1);
    let client = MetadataClient::discover(Arc::new(discovery), options)
        .await
        .unwrap();
    let before = client.primary().unwrap();
    for node in &mut cluster.nodes {
        node.kill().await;
        move_elsewhere(node);
        node.start();
    }
    let after = loop {
        client.ping().await.unwrap();
        let primary = client.primary().unwrap();
        if primary != before {
            break primary;
        }
    };
    assert!(cluster.endpoints().contains(&after), "{after}");
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
}

fn move_elsewhere(node: &mut crate::node::TestNode) {
    let elsewhere = format!("127.0.0.1:{}", ports::reserve().unwrap());
    let text = std::fs::read_to_string(&node.config).unwrap();
    let moved = text.replace(&node.endpoint, &elsewhere);
    assert_ne!(moved, text);
    std::fs::write(&node.config, moved).unwrap();
    node.endpoint = elsewhere;
}

/// By whom it is taken away does not matter: a hand, or an older state of etcd that was put back.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_entry_was_taken_away_registers_again() {
    let (_cluster, members) = start("2s").await;
    let place: ClusterUrl = url(&members).parse().unwrap();
    let discovery = Discovery::open(place, &builtin(), &Clock::system())
        .await
        .unwrap();
    let mut client = Client::connect(&members.endpoints, None).await.unwrap();
    let deleted = client
        .delete("/standfast/test/nodes/a", None)
        .await
        .unwrap();
    assert_eq!(deleted.deleted(), 1);
    let back = async {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while discovery.members().await.unwrap().len() < 2 {
            looks.tick().await;
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(20), back);
    back.await.expect("it registers again");
}
