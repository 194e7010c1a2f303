//! An etcd that somebody else's data fill.

use etcd_client::{AlarmAction, AlarmType, Client, CompactionOptions, DeleteOptions};

use super::{Members, start_on};
use crate::http;
use crate::node::TestNode;

const QUOTA: &str = "33554432";

/// Puts keys that are none of ours until etcd takes no more.
async fn fill(client: &mut Client) {
    for n in 0.. {
        let put = client.put(format!("/others/{n}"), vec![b'x'; 1 << 20], None);
        if put.await.is_err() {
            return;
        }
    }
}

/// What an operator does: the others' keys go, their history and its room as well, and then the alarm.
async fn make_room(client: &mut Client, members: &Members) {
    let all = DeleteOptions::new().with_prefix();
    let deleted = client.delete("/others/", Some(all)).await.unwrap();
    let revision = deleted.header().unwrap().revision();
    let physical = CompactionOptions::new().with_physical();
    client.compact(revision, Some(physical)).await.unwrap();
    for endpoint in &members.endpoints {
        let mut member = Client::connect([endpoint], None).await.unwrap();
        member.defragment().await.unwrap();
    }
    let raised = client.alarm(AlarmAction::Get, AlarmType::None, None).await;
    for alarm in raised.unwrap().alarms() {
        let mut of = etcd_client::AlarmOptions::new();
        of.with_member(alarm.member_id());
        let disarmed = client.alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(of));
        disarmed.await.unwrap();
    }
}

async fn until_read_only(node: &TestNode, wanted: f64) {
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    loop {
        let (_, metrics) = http::get(&node.http, "/metrics").await;
        if http::value(&metrics, "standfast_read_only", &[]) == Some(wanted) {
            return;
        }
        assert!(tokio::time::Instant::now() < give_up, "{}", node.log_text());
        ticks.tick().await;
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
    until_read_only(cluster.node(&leader), 1.0).await;
    make_room(&mut client, &members).await;
    load.acknowledged_more(500).await;
    until_read_only(cluster.node(&leader), 0.0).await;
    assert_eq!(
        cluster.leader().await,
        leader,
        "a full store is no reason to give a term up"
    );
    cluster.lost_nothing(load).await;
}
