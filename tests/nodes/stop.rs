use serde_json::Value;

use crate::support::TestCluster;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_hands_over_and_nothing_is_lost_or_refused() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(3).await;
    let leader = cluster.leader().await;
    cluster.node(&leader).signal("TERM");
    let mut child = cluster.node(&leader).child.take().unwrap();
    let ended = child.wait().await.unwrap();
    assert!(
        ended.success(),
        "{ended:?}: {}",
        cluster.node(&leader).log_text()
    );
    assert!(cluster.node(&leader).log_text().contains("handed over"));
    load.acknowledged_more(1000).await;
    let successor = cluster.leader().await;
    assert_ne!(successor, leader);
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster.verify_log().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switchover_names_its_successor_and_both_go_on() {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(4).await;
    let leader = cluster.leader().await;
    let to = if leader == "a" { "b" } else { "a" };
    let output = cluster.nodes[0]
        .command(&["switchover", "--to", to, "-o", "json"])
        .await;
    assert!(output.status.success(), "{output:?}");
    // It already leads when the command returns.
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let status = cluster.nodes[1].command(&["status", "-o", "json"]).await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["leader"], to, "{status:#}");
    assert_eq!(status["epoch"], told["epoch"], "{told:#}");
    load.acknowledged_more(1000).await;
    assert_eq!(cluster.leader().await, to);
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switchover_to_a_node_that_is_not_there_says_who_is() {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let output = cluster.nodes[0]
        .command(&["switchover", "--to", "zz"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("`zz` is not connected"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_stops_when_it_is_told_and_comes_back_with_everything() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let load = cluster.load(7).await;
    cluster.nodes[0].signal("TERM");
    let mut child = cluster.nodes[0].child.take().unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    let told = cluster.nodes[0].log_text();
    assert_eq!(told.matches("promoted epoch").count(), 1, "{told}");
    cluster.nodes[0].start();
    load.acknowledged_more(1000).await;
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster.verify_log().await;
}
