//! An etcd that forgets its history while a standby is behind.

use std::time::Duration;

use etcd_client::{Client, CompactionOptions};
use tokio::task::JoinSet;

use super::wire::State;
use super::wired::Wired;
use super::{Members, other};
use crate::metric::{metric, until};

/// Forgets everything but what is, again and again, until it is dropped.
fn forget(members: &Members) -> JoinSet<()> {
    let endpoints = members.endpoints.clone();
    let mut forgets = JoinSet::new();
    forgets.spawn(async move {
        let mut client = Client::connect(endpoints, None).await.unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        loop {
            ticks.tick().await;
            let now = client.get("nobody's", None).await.unwrap();
            let revision = now.header().unwrap().revision();
            // Nothing may have come since the last time.
            drop(
                client
                    .compact(revision, Some(CompactionOptions::new()))
                    .await,
            );
        }
    });
    forgets
}

/// Its watches hang and then break, and what they would have told is forgotten; so is, all the time, what comes while it
/// catches up.
#[tokio::test(flavor = "multi_thread")]
async fn h08_a_standby_that_was_cut_off_while_etcd_forgot_its_history_lists_the_log_and_misses_nothing()
 {
    let mut wired = Wired::start(Members::start(), "5s").await;
    let load = wired.cluster.load(55).await;
    let leader = wired.cluster.leader().await;
    let standby = other(&leader);
    let forgets = forget(&wired.members);
    let behind = metric(wired.cluster.node(standby), "standfast_applied_seq").await;
    wired.turn(standby, State::Silent);
    load.acknowledged_more(3000).await;
    wired.turn(standby, State::Refusing);
    load.acknowledged_more(100).await;
    wired.turn(standby, State::Whole);
    let node = wired.cluster.node(standby);
    let goes_on = |applied| applied > behind.unwrap() + 3000.0;
    until(node, "standfast_applied_seq", goes_on).await;
    load.acknowledged_more(2000).await;
    wired.cluster.lost_nothing(load).await;
    drop(forgets);
    let fell_behind = metric(wired.cluster.node(standby), "standfast_fell_behind_total").await;
    assert!(fell_behind.is_none(), "compaction takes no batch away");
    assert_eq!(wired.cluster.leader().await, leader);
}
