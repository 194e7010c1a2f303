//! Terms over stores that fail on purpose.

mod live;
#[path = "../../nodes/seeds.rs"]
mod seeds;
mod story;

use std::sync::Arc;

use standfast_backends::MemoryOpLog;
use standfast_backends::layers::{Fault, Faults, Layer, Operation};
use standfast_core::{Clock, ErrorKind, Proposer, TermEndReason};
use standfast_master::MasterConfig;

use crate::slow_log::lead_with;
use crate::support::{Client, Cluster, TestNode};

/// A term whose log does this to its next append, and what becomes of a request: the term ends, nothing more is appended,
/// and the successor has executed it once when it is asked again.
async fn survives(fault: Fault) {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig::default();
    let (term, log) = lead_with(cluster.sources("a"), config, clock.clone()).await;
    let mut client = Client::new(1, &clock);
    assert_eq!(client.add(&term.handle(), "x", 1).await.unwrap(), 1);
    let before = log.calls(Operation::Append);
    log.script(Operation::Append, 1..=1, fault);
    let handle = term.handle();
    let (told, ended) = tokio::join!(client.ask(&handle, "x", 5, 2), term.ended());
    assert_eq!(*told.unwrap_err().kind(), ErrorKind::Unknown);
    assert!(!ended.clean);
    let TermEndReason::Log(error) = ended.reason else {
        panic!("{:?}", ended.reason);
    };
    assert_eq!(*error.kind(), ErrorKind::Indeterminate);
    assert_eq!(log.calls(Operation::Append), before + 1);
    let successor = TestNode::start(cluster.sources("b")).await;
    let successor = successor.lead(MasterConfig::default()).await;
    let handle = successor.handle();
    assert_eq!(client.ask(&handle, "x", 5, 2).await.unwrap(), Ok(6));
    assert_eq!(client.read(&handle, "x").await.unwrap(), 6, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_that_does_not_learn_of_its_append_ends_and_the_next_executes_nothing_twice() {
    survives(Fault::LoseAnswer).await;
    survives(Fault::Tear).await;
}

/// What a standby says whose tail does this to a batch, while the primary lives; and whether another one has it all.
async fn told_by_follower(fault: Fault) -> ErrorKind {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let primary = TestNode::start(cluster.sources("a")).await;
    let term = primary.lead(MasterConfig::default()).await;
    let handle = term.handle();
    let log = Faults::seeded(1);
    let raw = Arc::new(MemoryOpLog::open(&cluster.log));
    let standby = TestNode::start(cluster.sources_with("b", log.oplog(raw))).await;
    let mut progress = standby.progress.subscribe();
    let mut client = Client::new(1, &clock);
    let mut sum = 0;
    let writing = async {
        progress.wait_for(|told| told.caught_up).await.unwrap();
        log.script(Operation::NextEvent, 1..=1, fault);
        loop {
            sum = client.add(&handle, "x", 1).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    // Neither is awaited again.
    let error = tokio::select! {
        told = standby.promote() => told.unwrap_err(),
        () = writing => unreachable!("it writes on"),
    };
    handle.stop(TermEndReason::Shutdown);
    term.ended().await;
    let again = TestNode::start(cluster.sources("c")).await;
    let successor = again.lead(MasterConfig::default()).await;
    assert!(client.read(&successor.handle(), "x").await.unwrap() >= sum);
    error.kind().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_notices_whatever_its_tail_does_to_a_batch() {
    for (fault, kind) in [
        (Fault::DropEvent, ErrorKind::Gap),
        (Fault::RepeatEvent, ErrorKind::Gap),
        (Fault::FlipBit, ErrorKind::Corrupt),
    ] {
        assert_eq!(told_by_follower(fault.clone()).await, kind, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_whose_watermark_has_an_unknown_fate_serves_on_or_ends_its_term() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig::default();
    let (term, log) = lead_with(cluster.sources("a"), config, clock.clone()).await;
    log.script(Operation::MarkCommitted, 1..=5, Fault::LoseAnswer);
    let mut client = Client::new(1, &clock);
    for sum in 1..=20 {
        assert_eq!(client.add(&term.handle(), "x", 1).await.unwrap(), sum);
    }
    let deadline = clock.now().plus(std::time::Duration::from_secs(20));
    let read = term.handle().read(Box::new("x".to_owned()), deadline).await;
    read.unwrap();
}

/// A node that waits for the end of the log before it leads, when its tail does this to what it says first. Nobody leads, so
/// that nothing comes after it.
async fn leads_in_spite_of(fault: Fault) {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let log = Faults::seeded(1);
    log.script(Operation::NextEvent, 1..=1, fault);
    let raw = Arc::new(MemoryOpLog::open(&cluster.log));
    let node = TestNode::start(cluster.sources_with("a", log.oplog(raw))).await;
    let term = node.lead(MasterConfig::default()).await;
    let mut client = Client::new(1, &clock);
    assert_eq!(client.add(&term.handle(), "x", 1).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_does_not_tell_the_end_keeps_no_node_from_leading() {
    for fault in [Fault::DropEvent, Fault::SwapEvents] {
        let led = leads_in_spite_of(fault);
        let led = tokio::time::timeout(std::time::Duration::from_mins(1), led).await;
        led.expect("it leads after some seconds");
    }
}
