use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{settings, shared};
use crate::lender::{all_exist, lender, objects, put_all};
use crate::seeds;
use crate::support::TestCluster;

/// Entries of the catalog that others win while one stands still: enough for its upload to be given up.
const TURNS: u64 = 4;

async fn catalog_number(cluster: &TestCluster) -> u64 {
    let words = ["snapshot", "list", "-o", "json"];
    let listed = cluster.nodes[0].command(&words).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
    listed["number"].as_u64().unwrap_or(0)
}

/// Waits until the others have taken their turns.
async fn turns(cluster: &TestCluster) {
    let wanted = catalog_number(cluster).await + TURNS;
    let give_up = Instant::now() + Duration::from_mins(2);
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    while catalog_number(cluster).await < wanted {
        assert!(Instant::now() < give_up, "nobody goes on");
        ticks.tick().await;
    }
}

/// Two make snapshots and one collects them; each in turn stands still wherever it is, and goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn h24_publishers_and_collectors_that_were_frozen_leave_what_is_listed_whole() {
    let mut cluster = TestCluster::prepare(&["a", "b", "c"], "1s");
    let expiry = "keep = 2\nupload_expiry = \"1s\"\npin_expiry = \"1s\"";
    cluster.turn_to_bucket(&format!("{}\n{expiry}", settings(&shared())));
    for node in &cluster.nodes {
        let text = std::fs::read_to_string(&node.config).unwrap();
        let patient = text + "[metadata]\nclient_ttl = \"1h\"\n";
        std::fs::write(&node.config, patient).unwrap();
    }
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(30)).await;
    let puts = objects(0..500, 32);
    put_all(&client, &puts).await;
    let load = cluster.load(51).await;
    for _ in seeds::seeds().step_by(4) {
        for name in ["a", "b", "c"] {
            cluster.node(name).signal("STOP");
            turns(&cluster).await;
            cluster.node(name).signal("CONT");
            load.acknowledged_more(100).await;
        }
    }
    cluster.lost_nothing(load).await;
    let verified = cluster.nodes[0]
        .command(&["snapshot", "verify", "--deep"])
        .await;
    assert!(verified.status.success(), "{verified:?}");
    for node in &mut cluster.nodes {
        node.kill().await;
        std::fs::remove_dir_all(&node.data_dir).unwrap();
    }
    cluster.nodes[1].start();
    all_exist(&client, &puts).await;
    let told = cluster.nodes[1].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
}
