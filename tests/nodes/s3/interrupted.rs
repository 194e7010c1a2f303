use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use standfast::node::ClusterStatus;
use standfast_core::Role;
use tokio::time::Instant;

use super::by_hand::ByHand;
use super::proxy::{Fault, Proxy, Script, WELL};
use super::{settings, shared};
use crate::http;
use crate::lender::{lender, objects, put_all};
use crate::node::standfast;
use crate::support::{TestCluster, in_sync};

/// Half of what it takes to read the snapshot when that is slow.
const PATIENCE: Duration = Duration::from_secs(8);
const SLOW: Script = Script {
    words: &["GET ", "/parts/"],
    fault: Fault::Trickles,
    times: usize::MAX,
};

/// Waits until pins are there, or none is.
async fn until_pinned(by_hand: &ByHand, wanted: bool) {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while by_hand.names("pins").await.is_empty() == wanted {
        assert!(Instant::now() < give_up, "pinned is to be {wanted}");
        ticks.tick().await;
    }
}

/// Waits until one pin has been there for longer than a drill takes when nothing is slow.
async fn until_held(by_hand: &ByHand) {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let (mut seen, mut since) = (Vec::new(), Instant::now());
    loop {
        let pins = by_hand.names("pins").await;
        if pins != seen {
            (seen, since) = (pins, Instant::now());
        } else if !seen.is_empty() && since.elapsed() > Duration::from_secs(1) {
            return;
        }
        assert!(Instant::now() < give_up, "nothing is held");
        ticks.tick().await;
    }
}

async fn proven(cluster: &TestCluster) -> Option<f64> {
    let (_, metrics) = http::get(&cluster.nodes[1].http, "/metrics").await;
    http::value(&metrics, "standfast_last_proven_seq", &[])
}

/// Nodes behind a proxy, and a snapshot of 150 KB, that takes 15 s to read when that is slow.
async fn with_snapshot(names: &[&str], more: &str) -> (TestCluster, Proxy, ByHand) {
    let proxy = Proxy::start(&shared(), WELL).await;
    let settings = settings(&proxy.endpoint);
    let mut cluster = TestCluster::prepare(names, "1h");
    cluster.turn_to_bucket(&settings);
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap() + more;
        fs::write(&node.config, text).unwrap();
    }
    cluster.initialise().await;
    cluster.nodes[0].start();
    cluster
        .until("a to lead", |status| in_sync(status) == 1)
        .await;
    let client = lender(&cluster, Duration::from_mins(1)).await;
    put_all(&client, &objects(0..60_000, 32)).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    let by_hand = ByHand::at(&shared(), &settings);
    until_pinned(&by_hand, false).await;
    (cluster, proxy, by_hand)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_to_lead_ends_its_drill_and_holds_nothing() {
    let every = "[drill]\nevery = \"500ms\"\n[metadata]\nclient_ttl = \"1h\"\n";
    let (mut cluster, proxy, by_hand) = with_snapshot(&["a", "b"], every).await;
    cluster.nodes[1].start();
    cluster
        .until("both", |status: &ClusterStatus| in_sync(status) == 2)
        .await;
    proxy.turn(SLOW);
    until_held(&by_hand).await;
    let before = proven(&cluster).await;
    cluster.nodes[0].kill().await;
    let leads = |status: &ClusterStatus| {
        let mut nodes = status.nodes.iter();
        nodes.any(|node| node.id.as_str() == "b" && node.role == Role::Primary)
    };
    cluster.until("b to lead", leads).await;
    until_pinned(&by_hand, false).await;
    let (_, metrics) = http::get(&cluster.nodes[1].http, "/metrics").await;
    let failed = http::value(&metrics, "standfast_drill_failures_total", &[]);
    assert_eq!(failed, Some(0.0), "it was ended, it did not fail");
    assert_eq!(proven(&cluster).await, before, "nor did it come to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_interrupted_leaves_nothing_and_holds_nothing() {
    let (cluster, proxy, by_hand) = with_snapshot(&["a"], "").await;
    proxy.turn(SLOW);
    let folder = cluster.dir.path().join("restores");
    fs::create_dir(&folder).unwrap();
    let mut child = standfast()
        .args(["snapshot", "restore", "--to"])
        .arg(folder.join("interrupted"))
        .arg("--config")
        .arg(&cluster.nodes[0].config)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until_pinned(&by_hand, true).await;
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(sent.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    assert_eq!(ended.expect("it ends").unwrap().code(), Some(1));
    assert_eq!(by_hand.names("pins").await, []);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
