//! What happens to the members of etcd, and what the nodes make of it.

use std::time::Duration;

use super::{Members, start};
use crate::http;
use crate::support::{RunningLoad, TestCluster};

/// How long writes may stand still while one member is lost: three times what etcd itself takes to elect another.
const PAUSE: Duration = Duration::from_secs(5);

/// Writes go on soon after `what` happened to the members, under the same leader.
async fn goes_on(cluster: &mut TestCluster, load: &RunningLoad, leader: &str, what: &str) {
    let more = load.acknowledged_more(500);
    let went_on = tokio::time::timeout(PAUSE, more).await;
    went_on.unwrap_or_else(|_elapsed| panic!("no write for {PAUSE:?} after {what}"));
    assert_eq!(
        cluster.leader().await,
        leader,
        "{what} is no reason to give up a term"
    );
}

async fn survives(befall: impl AsyncFn(&Members, usize), what: &str) {
    let (mut cluster, members) = start("10s").await;
    let load = cluster.load(43).await;
    let leader = cluster.leader().await;
    let first = members.leader().await;
    befall(&members, first).await;
    goes_on(&mut cluster, &load, &leader, what).await;
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_when_the_leader_of_etcd_is_killed() {
    survives(
        async |members, leader| members.kill(leader).await,
        "its leader's death",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_when_a_follower_of_etcd_is_killed() {
    let kill = async |members: &Members, leader: usize| {
        let follower = members.all().find(|member| *member != leader).unwrap();
        members.kill(follower).await;
    };
    survives(kill, "a follower's death").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h32_writes_go_on_when_the_leader_of_etcd_stands_still() {
    survives(
        async |members, leader| members.signal(leader, "STOP"),
        "its leader's standstill",
    )
    .await;
}

/// All nodes ask the first member first. Its connections stay open, and say nothing.
#[tokio::test(flavor = "multi_thread")]
async fn h32_writes_go_on_when_the_member_that_is_asked_stands_still() {
    survives(
        async |members, _| members.signal(1, "STOP"),
        "a standstill of the member that is asked",
    )
    .await;
}

/// All nodes ask the first one first.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_gone_is_left_for_the_next_and_that_is_counted() {
    let (mut cluster, members) = start("10s").await;
    let load = cluster.load(44).await;
    let leader = cluster.leader().await;
    members.kill(1).await;
    goes_on(
        &mut cluster,
        &load,
        &leader,
        "the death of the member that was asked",
    )
    .await;
    let (_, metrics) = http::get(&cluster.node(&leader).http, "/metrics").await;
    for name in [
        "standfast_etcd_endpoint_switches_total",
        "standfast_etcd_append_retries_total",
    ] {
        let value = http::value(&metrics, name, &[]).unwrap_or_default();
        assert!(value >= 1.0, "{name}: {value}");
    }
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_wait_while_no_member_is_there_and_nothing_is_lost() {
    let (mut cluster, mut members) = start("30s").await;
    let load = cluster.load(45).await;
    let leader = cluster.leader().await;
    for member in members.all() {
        members.kill(member).await;
    }
    for member in members.all() {
        members.restart(member);
    }
    for member in members.all() {
        members.until_there(member).await;
    }
    goes_on(
        &mut cluster,
        &load,
        &leader,
        "a restart of all members at once",
    )
    .await;
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_the_members_ends_no_term() {
    let (mut cluster, mut members) = start("10s").await;
    let load = cluster.load(46).await;
    let leader = cluster.leader().await;
    for member in members.all() {
        members.kill(member).await;
        members.restart(member);
        members.until_there(member).await;
        goes_on(&mut cluster, &load, &leader, "the restart of a member").await;
    }
    cluster.lost_nothing(load).await;
}
