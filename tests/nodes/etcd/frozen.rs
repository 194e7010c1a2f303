//! A primary that is frozen for three times its lease.

use std::time::Duration;

use super::straight::{Asked, Straight, are_in_log_once};
use super::wire::State;
use super::wired::Wired;
use super::{Members, other};
use crate::metric::until;
use crate::support::in_sync;

/// The ttl of its lease, times three.
const FROZEN: Duration = Duration::from_secs(9);

/// No message but one with a batch is so long.
const BATCH: usize = 512;

/// h01: a thousand writes are in flight, and what it had sent to etcd comes there after its successor has begun.
#[tokio::test(flavor = "multi_thread")]
async fn h01_a_thousand_writes_in_flight_at_a_frozen_primary_on_an_etcd_are_there_or_unacknowledged()
 {
    let mut wired = Wired::start(Members::start(), "3s").await;
    let load = wired.cluster.load(53).await;
    let leader = wired.cluster.leader().await;
    let epoch = wired.cluster.epoch().await;
    let straight = Straight::to(wired.cluster.node(&leader)).await;
    let mut first = straight.put_many("first", 1000);
    // Some are refused at once: so many at a time are more than a client may have open.
    let mut asked = Vec::new();
    while !asked.iter().any(|put: &Asked| put.answered) {
        asked.push(
            first
                .join_next()
                .await
                .expect("one is acknowledged")
                .unwrap(),
        );
    }
    // What was sent before is answered, so that there is a next batch, which is held.
    wired.turn(&leader, State::Mute);
    wired.until_held(&leader, BATCH).await;
    let puts = straight.put_many("flight", 1000);
    let node = wired.cluster.node(&leader);
    until(node, "standfast_unflushed_entries", |n| n >= 500.0).await;
    node.signal("STOP");
    let mut frozen = tokio::time::interval(FROZEN);
    frozen.tick().await;
    load.acknowledged_more(1000).await;
    frozen.tick().await;
    assert_eq!(wired.cluster.leader().await, other(&leader));
    wired.turn(&leader, State::Whole);
    wired.cluster.node(&leader).signal("CONT");

    // It has not been told that its term is over when these come.
    let late = straight.put_many("late", 100).join_all().await;
    asked.extend(first.join_all().await);
    let flight = puts.join_all().await;
    let cluster = &wired.cluster;
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    assert!(late.iter().all(|put| !put.answered), "{late:?}");
    assert!(are_in_log_once(cluster, "first", &asked).await > 0);
    are_in_log_once(cluster, "flight", &flight).await;
    are_in_log_once(cluster, "late", &late).await;
    cluster.lost_nothing(load).await;
    assert_eq!(cluster.leader().await, other(&leader));
    assert_eq!(cluster.epoch().await, epoch + 1);
}
