use std::time::Duration;

use super::settings;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::served::Served;
use crate::support::TestCluster;

const GATEWAY: &str = "gateway";

/// It stands still with its connections open, is killed, and comes back without a word of what it was doing.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_in_mid_upload_costs_neither_writes_nor_the_snapshot() {
    let mut served = Served::start("s3", &[], &[]);
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&served.ready));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..3000, 32);
    put_all(&client, &puts[..2000]).await;
    served.signal(GATEWAY, "STOP");
    let (made, ()) = tokio::join!(cluster.nodes[0].command(&["snapshot", "create"]), async {
        // The upload hangs meanwhile, and nobody who writes waits for it.
        put_all(&client, &puts[2000..]).await;
        served.kill(GATEWAY).await;
        served.order("start");
    });
    assert!(made.status.success(), "{made:?}");
    let verified = cluster.nodes[0].command(&["snapshot", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");

    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let told = cluster.nodes[0].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
}
