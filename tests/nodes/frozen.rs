use std::time::Duration;

use crate::support::{TestCluster, in_sync, same_state};

/// h01: a leader that was frozen for longer than its lease, with writes in flight, acknowledges nothing after its
/// successor has begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_thawed_primary_acknowledges_nothing_after_its_successors_epoch_start() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(5).await;
    let leader = cluster.leader().await;
    cluster.node(&leader).signal("STOP");
    // The other one takes over when the lease has run out, and serves.
    load.acknowledged_more(1000).await;
    let mut lease = tokio::time::interval(Duration::from_secs(6));
    lease.tick().await;
    lease.tick().await;
    cluster.node(&leader).signal("CONT");
    load.acknowledged_more(1000).await;
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    let checked = load.verdict(&cluster).await;
    assert_eq!(
        checked.missing,
        [],
        "what was acknowledged by either is there"
    );
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    assert_ne!(cluster.leader().await, leader);
    cluster.verify_log().await;
}
