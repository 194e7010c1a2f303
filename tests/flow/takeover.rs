use std::sync::Arc;

use standfast_backends::{MemoryLogSpace, MemoryOpLog};
use standfast_core::{Clock, Epoch, ErrorKind, Position, Proposer, Seq, Store, TermEndReason};
use standfast_master::MasterConfig;

use crate::support::{Client, Cluster, TestNode};

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_has_everything_that_was_acknowledged() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    for n in 1..=200 {
        assert_eq!(client.add(&handle, "x", 1).await.unwrap(), n);
    }
    handle.stop(TermEndReason::Shutdown);
    let end = term.ended().await;
    assert!(end.clean, "{end:?}");
    let term = TestNode::start(cluster.sources("b"))
        .await
        .lead(MasterConfig::default())
        .await;
    assert_eq!(client.read(&term.handle(), "x").await.unwrap(), 200);
    assert_eq!(client.add(&term.handle(), "x", 5).await.unwrap(), 205);
    assert!(term.handle().token().epoch > handle.token().epoch);
    assert_eq!(handle.leads(), None, "the old term is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_asked_again_of_the_successor_is_answered_the_same_and_not_executed_twice() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let client = Client::new(1, &clock);
    assert_eq!(client.ask(&term.handle(), "x", 7, 1).await.unwrap(), Ok(7));
    assert_eq!(client.ask(&term.handle(), "x", 7, 1).await.unwrap(), Ok(7));
    term.handle().stop(TermEndReason::Shutdown);
    term.ended().await;
    let term = TestNode::start(cluster.sources("b"))
        .await
        .lead(MasterConfig::default())
        .await;
    assert_eq!(client.ask(&term.handle(), "x", 7, 1).await.unwrap(), Ok(7));
    assert_eq!(client.read(&term.handle(), "x").await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_keeps_requests_waiting_until_everything_decided_is_committed() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    client.add(&handle, "x", 1).await.unwrap();
    let held = handle
        .close_intake(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(held.position, handle.committed_position());
    let waiting = Client::new(2, &clock);
    let mut asked = Box::pin(waiting.ask(&handle, "x", 1, 1));
    assert!(futures::poll!(&mut asked).is_pending());
    drop(held);
    assert_eq!(asked.await.unwrap(), Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_whose_caller_went_away_opens_intake_again() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    client.add(&handle, "x", 1).await.unwrap();
    {
        let mut closing = Box::pin(handle.close_intake(std::time::Duration::from_secs(5)));
        drop(futures::poll!(&mut closing));
    }
    assert_eq!(client.add(&handle, "x", 1).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_the_epoch_that_served_is_served_by_nobody() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    term.leadership().announce().await.unwrap();
    term.handle().stop(TermEndReason::Shutdown);
    term.ended().await;
    let empty = MemoryOpLog::open(&MemoryLogSpace::new());
    empty.init(cluster.fingerprint).await.unwrap();
    let node = TestNode::start(cluster.sources_with("b", Arc::new(empty))).await;
    let error = node.try_lead(MasterConfig::default()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LogRegressed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_has_seen_more_than_a_later_term_begins_with_follows_no_further() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    for _ in 0..2 {
        let term = TestNode::start(cluster.sources("a"))
            .await
            .lead(MasterConfig::default())
            .await;
        term.handle().stop(TermEndReason::Shutdown);
        term.ended().await;
    }
    let mut node = TestNode::start(cluster.sources("b")).await;
    // A hundred entries of the first term, of which the second knows nothing.
    node.high_water.raise(Position {
        epoch: Epoch(1),
        seq: Seq(100),
        ..Position::default()
    });
    let error = node.try_lead(MasterConfig::default()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LogRegressed);
    assert!(error.to_string().contains("during follow"), "{error}");
}
