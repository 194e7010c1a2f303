use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::proxy::{Fault, Proxy, Script, WELL};
use super::{settings, shared};
use crate::lender::{all_exist, lender, objects, put_all};
use crate::support::TestCluster;

/// What a call may take beside its bytes, and how many of those have to come in a second.
const LEAST: Duration = Duration::from_secs(30);
const SLOWEST: u64 = 64 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gives_10_kib_a_second_restores_late_and_what_is_restored_is_all() {
    let proxy = Proxy::start(&shared(), WELL).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_mins(1)).await;
    let puts = objects(0..4000, 32);
    put_all(&client, &puts).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    let manifest = cluster.nodes[0].command(&["snapshot", "list", "-o", "json"]);
    let listed: Value = serde_json::from_slice(&manifest.await.stdout).unwrap();
    let bytes = listed["snapshots"][0]["bytes"].as_u64().unwrap();

    proxy.turn(Script {
        words: &["GET ", "/parts/"],
        fault: Fault::Trickles,
        times: usize::MAX,
    });
    let begun = Instant::now();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let took = begun.elapsed();
    // All of it is one part.
    let wanted = Duration::from_millis(bytes * 1000 / (10 * 1024));
    let given_up = LEAST + Duration::from_millis(bytes * 1000 / SLOWEST);
    assert!(
        took >= wanted && wanted > Duration::from_secs(2) && wanted < given_up,
        "{bytes} bytes in {took:?}, given up after {given_up:?}"
    );
    let told = cluster.nodes[0].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_10_kib_a_second_makes_a_snapshot_late_and_nobody_else() {
    let slow = Script {
        words: &["PUT ", "/parts/"],
        fault: Fault::Trickles,
        times: usize::MAX,
    };
    let proxy = Proxy::start(&shared(), slow).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    put_all(&client, &objects(0..2000, 32)).await;
    let begun = Instant::now();
    let (made, longest) = tokio::join!(cluster.nodes[0].command(&["snapshot", "create"]), async {
        let mut longest = Duration::ZERO;
        for number in 2000..2200 {
            let put = Instant::now();
            put_all(&client, &objects(number..number + 1, 32)).await;
            longest = longest.max(put.elapsed());
        }
        longest
    });
    let took = begun.elapsed();
    assert!(made.status.success(), "{made:?}");
    assert!(longest < took / 2, "a put took {longest:?} of {took:?}");
    let listed = cluster.nodes[0].command(&["snapshot", "list", "-o", "json"]);
    let listed: Value = serde_json::from_slice(&listed.await.stdout).unwrap();
    let bytes = listed["snapshots"][0]["bytes"].as_u64().unwrap();
    // Four parts at once.
    let least = Duration::from_millis(bytes * 1000 / (4 * 10 * 1024));
    assert!(
        took >= least && least > Duration::from_millis(100),
        "{bytes} bytes in {took:?}"
    );
    let verified = cluster.nodes[0]
        .command(&["snapshot", "verify", "--deep"])
        .await;
    assert!(verified.status.success(), "{verified:?}");
}
