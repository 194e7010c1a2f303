//! `segment mount`: replaced by another process, and stopped half-way.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval};

use crate::lender::client;
use crate::lost_lender::{lending, until_lent};
use crate::node::standfast;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

/// A process that lends `count` segments of 1 GiB.
fn mount(cluster: &TestCluster, name: &str, count: &str) -> Child {
    let mut command: Command = standfast();
    command.args(["segment", "mount", "--size", "1GiB", "--name", name]);
    command.args(["--count", count, "-o", "json", "--endpoint"]);
    command.arg(cluster.endpoints().join(","));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_at_one_place_the_later_one_lends_and_the_other_ends() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = client(&cluster, PATIENCE).await;
    let first = mount(&cluster, "node-1", "1");
    until_lent(&client, 1).await;
    let earlier = client.list_segments().await.unwrap().remove(0).info.id;
    let mut second = lending(&cluster, "node-1").await;

    let ended = tokio::time::timeout(PATIENCE, first.wait_with_output());
    let ended = ended.await.expect("it is told").unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let listed = client.list_segments().await.unwrap();
    assert_eq!(listed.len(), 1);
    let later = listed[0].info.id;
    assert_ne!(later, earlier);
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    for wanted in [later.to_string(), "node-1".to_owned()] {
        assert!(told.contains(&wanted), "{told}");
    }
    second.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_is_stopped_half_way_takes_back_what_it_mounted() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = client(&cluster, PATIENCE).await;
    let mounting = mount(&cluster, "many", "1000000");
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = interval(Duration::from_millis(10));
    while client.list_segments().await.unwrap().len() < 3 {
        assert!(Instant::now() < give_up, "nothing is mounted");
        ticks.tick().await;
    }
    let pid = i32::try_from(mounting.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();

    let ended = tokio::time::timeout(PATIENCE, mounting.wait_with_output());
    let ended = ended.await.expect("it hears the signal").unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let back: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let back = back.as_array().unwrap();
    assert!(back.len() >= 3);
    assert_eq!(back[0]["name"], "many-0");
    until_lent(&client, 0).await;
}
