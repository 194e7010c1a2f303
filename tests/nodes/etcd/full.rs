//! An etcd that somebody else's data fill.

use std::time::Duration;

use etcd_client::{
    AlarmAction, AlarmMember, AlarmOptions, AlarmType, Client, CompactionOptions, DeleteOptions,
};

use super::{Members, other, start_on};
use crate::metric::until;
use crate::support::in_sync;

const QUOTA: &str = "33554432";

/// Puts keys that are none of ours until etcd takes no more.
pub(super) async fn fill(client: &mut Client) {
    for n in 0.. {
        let put = client.put(format!("/others/{n}"), vec![b'x'; 1 << 20], None);
        if put.await.is_err() {
            return;
        }
    }
}

/// What an operator does first: the others' keys go, and their history.
async fn make_room(client: &mut Client) {
    let all = DeleteOptions::new().with_prefix();
    let deleted = client.delete("/others/", Some(all)).await.unwrap();
    let revision = deleted.header().unwrap().revision();
    let physical = CompactionOptions::new().with_physical();
    client.compact(revision, Some(physical)).await.unwrap();
}

/// What an operator does then, again and again until `done`: has each member that is full give back its room, and takes its
/// alarm back. One that compacts later than the others has nothing to give back the first time, and raises its alarm again with
/// the next write.
async fn disarmed(client: &mut Client, members: &Members, done: impl Future<Output = ()>) {
    let disarming = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            let raised = client.alarm(AlarmAction::Get, AlarmType::None, None).await;
            let full: Vec<_> = raised
                .unwrap()
                .alarms()
                .iter()
                .map(AlarmMember::member_id)
                .collect();
            for endpoint in &members.endpoints {
                let mut member = Client::connect([endpoint], None).await.unwrap();
                let status = member.status().await.unwrap();
                let id = status.header().unwrap().member_id();
                if !full.contains(&id) {
                    continue;
                }
                member.defragment().await.unwrap();
                let mut of = AlarmOptions::new();
                of.with_member(id);
                let disarmed = client.alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(of));
                disarmed.await.unwrap();
            }
        }
    };
    // The other arm never returns.
    tokio::select! {
        () = done => {}
        () = disarming => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h25_while_others_fill_etcd_writes_are_refused_and_then_go_on_and_nothing_is_lost() {
    let members = Members::start_with(&["--quota-backend-bytes", QUOTA]);
    let (mut cluster, members) = start_on(members, "5s").await;
    let load = cluster.load(47).await;
    let leader = cluster.leader().await;
    load.acknowledged_more(500).await;
    let mut client = Client::connect(&members.endpoints, None).await.unwrap();
    fill(&mut client).await;
    until(cluster.node(&leader), "standfast_read_only", |value| {
        value > 0.0
    })
    .await;
    make_room(&mut client).await;
    let goes_on = async {
        load.acknowledged_more(500).await;
        until(cluster.node(&leader), "standfast_read_only", |value| {
            value == 0.0
        })
        .await;
    };
    disarmed(&mut client, &members, goes_on).await;
    assert_eq!(
        cluster.leader().await,
        leader,
        "a full store is no reason to give a term up"
    );
    cluster.lost_nothing(load).await;
}

/// Nobody is granted a lease while etcd is full: the seat stays free, and everything is as it was when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn h25_a_primary_that_dies_while_etcd_is_full_is_replaced_once_there_is_room() {
    let members = Members::start_with(&["--quota-backend-bytes", QUOTA]);
    let (mut cluster, members) = start_on(members, "2s").await;
    let load = cluster.load(57).await;
    let leader = cluster.leader().await;
    let mut client = Client::connect(&members.endpoints, None).await.unwrap();
    fill(&mut client).await;
    until(cluster.node(&leader), "standfast_read_only", |value| {
        value > 0.0
    })
    .await;
    cluster.node(&leader).kill().await;
    cluster
        .until_log(other(&leader), "mvcc: database space exceeded")
        .await;
    make_room(&mut client).await;
    disarmed(&mut client, &members, load.acknowledged_more(500)).await;
    cluster.node(&leader).start();
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    cluster.lost_nothing(load).await;
}
