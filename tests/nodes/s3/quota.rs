use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::settings;
use crate::bad_input::edit;
use crate::http;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::metric;
use crate::served::Served;
use crate::support::TestCluster;
use crate::trimmed::inspect;

const PATIENCE: Duration = Duration::from_secs(30);
const CREATE: [&str; 2] = ["snapshot", "create"];

/// Lets the account have so many objects in a bucket.
fn allow(served: &Served, objects: u64) {
    for words in [
        &["set", &format!("--max-objects={objects}")][..],
        &["enable"],
    ] {
        let set = Command::new("radosgw-admin")
            .arg("-c")
            .arg(served.dir.join("ceph.conf"))
            .args(["--quota-scope=bucket", "--uid=test", "quota"])
            .args(words)
            .output()
            .unwrap();
        assert!(set.status.success(), "{set:?}");
    }
}

async fn floor(cluster: &TestCluster) -> u64 {
    inspect(cluster).await["floor"].as_u64().unwrap()
}

async fn floor_above(cluster: &TestCluster, floor_before: u64) -> u64 {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let now = floor(cluster).await;
        if now > floor_before {
            return now;
        }
        assert!(Instant::now() < give_up, "never trimmed: {now}");
    }
}

/// Waits until the leader has looked at the bucket so many times.
async fn looks(cluster: &TestCluster, count: f64) {
    let node = &cluster.nodes[0];
    let looked = async || {
        let (_, metrics) = http::get(&node.http, "/metrics").await;
        let looks = ["store=\"snapshots\"", "operation=\"proposals\""];
        http::value(&metrics, "standfast_store_seconds_count", &looks).unwrap_or_default()
    };
    let wanted = looked().await + count;
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while looked().await < wanted {
        assert!(Instant::now() < give_up, "nobody looks");
        ticks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_at_the_gateway_costs_snapshots_and_nothing_else_until_it_is_raised() {
    let served = Served::start("s3", &[], &[]);
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&served.ready));
    // So small that trim finds whole segments.
    edit(&cluster.nodes[0], "4MiB", "64KiB");
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    let puts = objects(0..14_000, 32);
    // So many each time that every snapshot is a base.
    for end in [2000, 4000] {
        put_all(&client, &puts[end / 2..end]).await;
        let made = cluster.nodes[0].command(&CREATE).await;
        assert!(made.status.success(), "{made:?}");
    }
    let trimmed = floor_above(&cluster, 1).await;

    allow(&served, 1);
    for round in 0..2 {
        let begin = 4000 + round * 2000;
        put_all(&client, &puts[begin..begin + 2000]).await;
        let refused = cluster.nodes[0].command(&CREATE).await;
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains("QuotaExceeded"), "{told}");
    }
    let (_, metrics) = http::get(&cluster.nodes[0].http, "/metrics").await;
    let failed = "standfast_snapshot_failures_total";
    let failed = |kind: &str| {
        let labels = ["what=\"publish\"", &format!("kind=\"{kind}\"")];
        http::value(&metrics, failed, &labels)
    };
    // One that is due by the clock may have failed besides.
    assert!(failed("quota") >= Some(2.0), "{metrics}");
    assert_eq!(failed("auth"), None, "{metrics}");
    looks(&cluster, 2.0).await;
    assert_eq!(floor(&cluster).await, trimmed, "behind no new snapshot");

    // What is there recovers, though no pin can be written.
    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts[1000..8000]).await;
    let log = cluster.nodes[0].log_text();
    for said in ["QuotaExceeded", "the bucket is full", "restored snapshot="] {
        assert!(log.contains(said), "{said}: {log}");
    }

    allow(&served, 100_000);
    for puts in [&puts[8000..12_000], &puts[12_000..]] {
        put_all(&client, puts).await;
        let made = cluster.nodes[0].command(&CREATE).await;
        assert!(made.status.success(), "{made:?}");
    }
    floor_above(&cluster, trimmed).await;
    metric::until(
        &cluster.nodes[0],
        "standfast_snapshot_published_total",
        |made| made >= 2.0,
    )
    .await;
    let listed = cluster.nodes[0].command(&["snapshot", "list", "-o", "json"]);
    let listed: Value = serde_json::from_slice(&listed.await.stdout).unwrap();
    assert!(
        listed["snapshots"].as_array().unwrap().len() >= 3,
        "{listed:#}"
    );
}
