//! Members that are there, and do not answer in time.

use std::time::Duration;

use standfast::node::ClusterStatus;
use tokio::time::Instant;

use super::wire::State;
use super::wired::Wired;
use super::{Members, other, start};
use crate::support::in_sync;

/// Longest pause of writes: twice what etcd takes to elect another leader, and what the nodes take to leave a member.
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn h32_while_the_leader_of_etcd_stands_still_for_20_s_writes_pause_once_and_no_term_ends() {
    let (cluster, members) = start("5s").await;
    let load = cluster.load(58).await;
    let (leader, epoch) = (cluster.leader().await, cluster.epoch().await);
    let still = members.leader().await;
    members.signal(still, "STOP");
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let more = load.acknowledged_more(100);
        let went_on = tokio::time::timeout(PAUSE, more).await;
        went_on.unwrap_or_else(|_elapsed| panic!("no write for {PAUSE:?}"));
    }
    assert_eq!(
        (cluster.leader().await, cluster.epoch().await),
        (leader, epoch)
    );
    members.signal(still, "CONT");
    load.acknowledged_more(1000).await;
    // When it thaws it may revoke leases that are renewed elsewhere (etcd #15247, mended after 3.4.23).
    assert!(cluster.epoch().await <= epoch + 1);
    cluster.lost_nothing(load).await;
}

/// How soon a standby follows on by another member: two tries, and a pause.
const FOLLOWS_ON: Duration = Duration::from_secs(4);

/// Nothing is refused: the connections are there, and say nothing. All nodes ask the first member first.
#[tokio::test(flavor = "multi_thread")]
async fn h32_a_standby_whose_member_falls_silent_follows_on_by_another() {
    let wired = Wired::start(Members::start(), "5s").await;
    let cluster = &wired.cluster;
    let load = cluster.load(63).await;
    let standby = other(&cluster.leader().await);
    wired.turn_one(standby, 0, State::Silent);
    load.acknowledged_more(200).await;
    let committed = |status: &ClusterStatus| {
        let nodes = status.nodes.iter();
        nodes.map(|node| node.committed_seq).max().unwrap()
    };
    let then = committed(&cluster.until("a look", |_status| true).await);
    let follows = cluster.until("the standby to follow on", |status| {
        let found = status.nodes.iter().find(|node| node.id.as_str() == standby);
        found.is_some_and(|node| node.applied_seq > then)
    });
    let followed = tokio::time::timeout(FOLLOWS_ON, follows).await;
    followed.unwrap_or_else(|_elapsed| panic!("it has not followed for {FOLLOWS_ON:?}"));
    cluster.lost_nothing(load).await;
}

/// How many terms may end in it. A renewal takes two calls, and nine of them are tried in a lease's time.
const TERMS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_lose_three_in_ten_segments_to_and_from_etcd_go_on_and_lose_nothing() {
    let mut wired = Wired::start(Members::start(), "5s").await;
    let load = wired.cluster.load(59).await;
    let epoch = wired.cluster.epoch().await;
    for node in ["a", "b"] {
        wired.turn(node, State::Lossy);
    }
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        load.acknowledged_more(20).await;
    }
    for node in ["a", "b"] {
        wired.turn(node, State::Whole);
    }
    load.acknowledged_more(500).await;
    let cluster = &mut wired.cluster;
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    let terms = cluster.epoch().await - epoch;
    assert!(terms <= TERMS, "{terms} terms ended");
    cluster.lost_nothing(load).await;
}
