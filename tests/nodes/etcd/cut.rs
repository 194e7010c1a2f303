//! A primary that is cut off from all members while its clients still reach it.

use tokio::time::Instant;

use super::straight::{Straight, are_in_log_once};
use super::wire::State;
use super::wired::Wired;
use super::{Members, other};
use crate::support::in_sync;

async fn a_cut(state: State, seed: u64) {
    let mut wired = Wired::start(Members::start(), "2s").await;
    let load = wired.cluster.load(seed).await;
    let leader = wired.cluster.leader().await;
    let epoch = wired.cluster.epoch().await;
    let straight = Straight::to(wired.cluster.node(&leader)).await;

    let mut seat = wired.members.seat().await;
    let ((cut_at, lapsed_at), asked) = straight
        .until(async {
            load.acknowledged_more(200).await;
            wired.turn(&leader, state);
            let cut_at = Instant::now();
            let lapsed_at = seat.until_changed().await;
            // Its successor serves for a while.
            load.acknowledged_more(1000).await;
            (cut_at, lapsed_at)
        })
        .await;
    let answered = || asked.iter().filter(|asked| asked.answered);
    assert!(
        answered().any(|asked| asked.at > cut_at),
        "it serves until its lease ends"
    );
    let late: Vec<_> = answered().filter(|asked| asked.at > lapsed_at).collect();
    assert!(
        late.is_empty(),
        "answered after its lease was over: {late:?}"
    );

    wired.turn(&leader, State::Whole);
    let cluster = &wired.cluster;
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    assert!(are_in_log_once(cluster, "until", &asked).await > 0);
    cluster.lost_nothing(load).await;
    assert_eq!(cluster.leader().await, other(&leader));
    assert_eq!(cluster.epoch().await, epoch + 1);
}

/// h01, h32: everything that it sends is dropped, and comes to the members when its successor leads.
#[tokio::test(flavor = "multi_thread")]
async fn h32_a_primary_that_is_cut_off_from_etcd_answers_nobody_once_its_lease_may_lapse() {
    a_cut(State::Silent, 51).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_every_member_rejects_answers_nobody_once_its_lease_may_lapse() {
    a_cut(State::Refusing, 52).await;
}
