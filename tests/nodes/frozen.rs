use std::sync::Arc;
use std::time::Duration;

use standfast_metadata::{MetadataClient, Placement};
use tokio::task::JoinSet;

use crate::lender::{all_exist, lender, objects};
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

/// One call an object, all at once; the numbers of those that are acknowledged.
fn put_each(client: &Arc<MetadataClient>, count: usize) -> JoinSet<Option<usize>> {
    let mut puts = JoinSet::new();
    for number in 0..count {
        let client = Arc::clone(client);
        puts.spawn(async move {
            let object = objects(number..number + 1, 32);
            let result = client.put(&object, &Placement::default()).await;
            result.is_ok_and(|put| put[0].is_ok()).then_some(number)
        });
    }
    puts
}

/// h01 with a thousand writes in flight: what either node acknowledged is there, and the frozen one ends its term.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_writes_in_flight_at_a_frozen_primary_are_there_or_were_never_acknowledged() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = Arc::new(lender(&cluster, Duration::from_secs(40)).await);
    let leader = cluster.leader().await;
    let mut puts = put_each(&client, 1000);
    let first = puts.join_next().await.unwrap().unwrap().unwrap();
    cluster.node(&leader).signal("STOP");
    assert!(puts.len() > 500, "{} are in flight", puts.len());
    let mut lease = tokio::time::interval(Duration::from_secs(6));
    lease.tick().await;
    lease.tick().await;
    cluster.node(&leader).signal("CONT");
    let acknowledged: Vec<_> = puts.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() > 500, "{}", acknowledged.len());
    for number in acknowledged.into_iter().chain([first]) {
        all_exist(&client, &objects(number..number + 1, 32)).await;
    }
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    assert_ne!(cluster.leader().await, leader);
    cluster.verify_log().await;
}
