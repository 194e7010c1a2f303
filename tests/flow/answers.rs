use std::time::Duration;

use standfast_core::{Clock, ErrorKind, Proposer};
use standfast_master::{Ack, MasterConfig};

use crate::support::{Client, Cluster, TestNode};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_at_once_each_get_their_own_answer() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let handle = term.handle();
    let callers = (1..=1000_u128).map(|n| {
        let (handle, clock) = (handle.clone(), clock.clone());
        async move {
            Client::new(n, &clock)
                .add(&handle, &format!("k{n}"), 3)
                .await
        }
    });
    let answers = futures::future::join_all(callers).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_outcome_and_changes_nothing() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let client = Client::new(1, &clock);
    let refusal = client
        .ask(&term.handle(), "x", 0, 1)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refusal.message, "x stays at 0");
    assert_eq!(client.read(&term.handle(), "x").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passed_in_the_queue_is_busy_and_nothing_was_done() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(MasterConfig::default())
        .await;
    let client = Client::new(1, &clock);
    let past = clock.now();
    let error = term
        .handle()
        .propose(client.command("x", 1, 1), past)
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Busy);
    assert_eq!(client.read(&term.handle(), "x").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_async_the_answer_does_not_wait_and_the_log_still_gets_everything() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig {
        ack: Ack::Async,
        ..MasterConfig::default()
    };
    let term = TestNode::start(cluster.sources("a"))
        .await
        .lead(config)
        .await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    for _ in 0..500 {
        client.add(&handle, "x", 1).await.unwrap();
    }
    let held = handle.close_intake(Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        held.position.seq.0, 501,
        "500 additions and the start of the term"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_answer_waits_for_is_logged_soon_whatever_the_clock() {
    for clock in [Clock::system(), Clock::manual()] {
        let cluster = Cluster::new(clock.clone()).await;
        let node = TestNode::start(cluster.sources("a")).await;
        let config = MasterConfig {
            ack: Ack::Async,
            ..MasterConfig::default()
        };
        let term = node.lead(config).await;
        let handle = term.handle();
        Client::new(1, &clock).add(&handle, "x", 1).await.unwrap();
        let applied = handle.progress().applied;
        let mut committed = handle.committed();
        let logged = committed.wait_for(|position| position.seq >= applied);
        let logged = tokio::time::timeout(Duration::from_secs(10), logged).await;
        logged.expect("it is in no log").unwrap();
    }
}
