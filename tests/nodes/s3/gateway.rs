use std::time::Duration;

use tokio::time::Instant;

use super::proxy::{Fault, Proxy, Script};
use super::settings;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::served::Served;
use crate::support::TestCluster;

const GATEWAY: &str = "gateway";

/// It has half of a part, is killed, and comes back without a word of what it was doing.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_in_mid_upload_costs_neither_writes_nor_the_snapshot() {
    let mut served = Served::start("s3", &[], &[]);
    let half = Script {
        words: &["PUT ", "/parts/"],
        fault: Fault::HalfAndNoMore,
        times: 1,
    };
    let proxy = Proxy::start(&served.ready, half).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..3000, 32);
    put_all(&client, &puts[..2000]).await;
    let (made, ()) = tokio::join!(cluster.nodes[0].command(&["snapshot", "create"]), async {
        held(&proxy).await;
        // The upload hangs meanwhile, and nobody who writes waits for it.
        put_all(&client, &puts[2000..]).await;
        assert_eq!(proxy.counted().held, 1, "given up before the kill");
        served.kill(GATEWAY).await;
        served.order("start");
    });
    assert!(made.status.success(), "{made:?}");
    let verified = cluster.nodes[0]
        .command(&["snapshot", "verify", "--deep"])
        .await;
    assert!(verified.status.success(), "{verified:?}");

    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let told = cluster.nodes[0].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
}

/// Waits until the gateway has half of a part.
async fn held(proxy: &Proxy) {
    let give_up = Instant::now() + Duration::from_mins(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while proxy.counted().held == 0 {
        assert!(Instant::now() < give_up, "no part is uploaded");
        ticks.tick().await;
    }
}
