use std::time::Duration;

use standfast_core::{Clock, ErrorKind, TermEndReason};
use standfast_master::MasterConfig;

use crate::support::{Client, Cluster, TestNode};

#[tokio::test(flavor = "multi_thread")]
async fn a_term_that_ended_answers_nothing_as_good() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    client.add(&handle, "x", 1).await.unwrap();
    handle.stop(TermEndReason::Shutdown);
    term.ended().await;
    let written = client.add(&handle, "x", 1).await.unwrap_err();
    assert_eq!(*written.kind(), ErrorKind::NotPrimary { address: None });
    let read = client.read(&handle, "x").await.unwrap_err();
    assert_eq!(*read.kind(), ErrorKind::NotPrimary { address: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_ends_the_term_and_no_read_is_answered_after_it() {
    let clock = Clock::manual();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    client.add(&handle, "x", 1).await.unwrap();
    // As if the process had been frozen: the clock jumps past the lease before anything else runs.
    clock.advance(Duration::from_hours(1));
    let read = client.read(&handle, "x").await;
    assert!(read.is_err(), "{read:?}");
}
