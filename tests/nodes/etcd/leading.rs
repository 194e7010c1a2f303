use super::{other, start};
use crate::kill::kill_primaries;
use crate::support::in_sync;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_on_an_etcd_loses_nothing_that_it_acknowledged_however_often() {
    let (mut cluster, _members) = start("5s").await;
    let load = cluster.load(41).await;
    kill_primaries(&mut cluster, &load).await;
    cluster.lost_nothing(load).await;
}

/// Its lease runs out, and when it thaws it has in flight what the next primary never saw.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_on_an_etcd_is_replaced_after_its_lease_and_loses_nothing() {
    let (mut cluster, _members) = start("2s").await;
    let load = cluster.load(42).await;
    let leader = cluster.leader().await;
    cluster.node(&leader).signal("STOP");
    load.acknowledged_more(1000).await;
    assert_eq!(cluster.leader().await, other(&leader));
    cluster.node(&leader).signal("CONT");
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    load.acknowledged_more(1000).await;
    cluster.lost_nothing(load).await;
    assert_eq!(cluster.leader().await, other(&leader));
}
