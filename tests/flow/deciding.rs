//! Who decides: a caller by itself, and what that must not change.

use std::sync::Arc;
use std::thread::{ThreadId, current};
use std::time::Duration;

use parking_lot::Mutex;
use standfast_core::{Clock, ErrorKind, TermEndReason};
use standfast_master::{Ack, MasterConfig};
use tokio::task::JoinSet;

use crate::slow_log::{ask, hang, lead, until_told};
use crate::support::{Client, Cluster, TestNode, half_decided, small_batches};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_finds_nobody_deciding_decides_on_its_own_thread() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig {
        ack: Ack::Async,
        ..MasterConfig::default()
    };
    let node = TestNode::start(cluster.sources("a")).await;
    let term = node.lead(config).await;
    let handle = term.handle();
    // The sequencer's own thread looks in ten times a second; it cannot be in the way each time.
    for _ in 0..100 {
        let seen: Arc<Mutex<Option<ThreadId>>> = Arc::default();
        let told = Arc::clone(&seen);
        let asked = std::pin::pin!(handle.at_batch_end(move |_| {
            *told.lock() = Some(current().id());
        }));
        let first = futures::poll!(asked);
        if first.is_ready() && *seen.lock() == Some(current().id()) {
            return;
        }
    }
    panic!("always decided elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_larger_than_a_batch_goes_on_where_it_stopped_before_all_others() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let (term, log) = lead(&cluster, small_batches()).await;
    let handle = term.handle();
    hang(&log);
    let large = half_decided(&handle, &clock).await;
    let mut others = ask(&handle, &clock, 2..=5);
    log.heal();
    assert_eq!(large.await.unwrap().len(), 7);
    let mut sums = Vec::new();
    while let Some(sum) = others.join_next().await {
        sums.push(sum.unwrap().unwrap());
    }
    sums.sort_unstable();
    assert_eq!(sums, [8, 9, 10, 11]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_a_term_leaves_in_the_middle_is_in_doubt() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let (term, log) = lead(&cluster, small_batches()).await;
    let handle = term.handle();
    hang(&log);
    let large = half_decided(&handle, &clock).await;
    handle.stop(TermEndReason::Shutdown);
    let mut ended = JoinSet::new();
    ended.spawn(term.ended());
    until_told(&handle, &clock, &[ErrorKind::NotPrimary { address: None }]).await;
    log.heal();
    let told = large.await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Unknown);
    let ended = ended.join_next().await.unwrap().unwrap();
    assert!(ended.clean, "what was decided is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_panics_ends_the_term_whoever_decides() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let node = TestNode::start(cluster.sources("a")).await;
    let term = node.lead(MasterConfig::default()).await;
    let (handle, mut client) = (term.handle(), Client::new(1, &clock));
    client.add(&handle, "x", 1).await.unwrap();
    let (caller, theirs) = (handle.clone(), clock.clone());
    let mut asking = JoinSet::new();
    asking.spawn(async move {
        let asked = Client::new(2, &theirs);
        asked.ask(&caller, "a defect", 1, 1).await
    });
    let told = asking.join_next().await.unwrap();
    let told = told
        .expect("a caller may have decided for another")
        .unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Unknown);
    let ended = tokio::time::timeout(Duration::from_secs(10), term.ended()).await;
    assert!(!ended.unwrap().clean);
    let told = client.add(&handle, "x", 1).await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::NotPrimary { address: None });
}
