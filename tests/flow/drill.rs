use std::sync::Arc;

use standfast_core::{Clock, ErrorKind};
use standfast_master::MasterConfig;
use standfast_standby::{Step, drill};
use tokio::sync::Notify;

use crate::support::{Client, Cluster, TestNode};

/// More batches than are read at once, from a log that never lets its reader wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_drill_in_the_middle_of_a_log_ends_when_it_is_told_to() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let node = TestNode::start(cluster.sources("a")).await;
    let term = node.lead(MasterConfig::default()).await;
    let mut client = Client::new(1, &clock);
    for _ in 0..3000 {
        client.add(&term.handle(), "x", 1).await.unwrap();
    }
    let sources = cluster.sources("b");
    let proved = drill(&sources, Arc::new(|_| {}), std::future::pending()).await;
    assert!(proved.unwrap().proven().is_some());

    let stop = Arc::new(Notify::new());
    let telling = Arc::clone(&stop);
    let tell = Arc::new(move |step| {
        if matches!(step, Step::Replaying { .. }) {
            telling.notify_one();
        }
    });
    let ended = drill(&sources, tell, stop.notified()).await.unwrap_err();
    assert_eq!(*ended.kind(), ErrorKind::Cancelled, "{ended}");
}
