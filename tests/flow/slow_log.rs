//! A log that takes its time, or hangs as a disk does.

use std::ops::RangeInclusive;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use standfast_backends::MemoryOpLog;
use standfast_backends::layers::{Fault, Faults, Layer, Operation};
use standfast_core::{
    ByteSize, Clock, ErrorKind, OpLogStore, Position, Proposer, ReadLimit, Result, Span,
    TermEndReason,
};
use standfast_master::{Ack, MasterConfig, Term, TermHandle};
use standfast_standby::Sources;
use tokio::task::JoinSet;

use crate::support::{Client, Cluster, TestNode};

/// From now on the log thread stays in its append, as with a sync that does not return, until the log is healed.
pub(crate) fn hang(log: &Faults) {
    log.script(Operation::Append, .., Fault::Stall);
}

/// What was counted on this thread.
fn counter(seen: &Snapshotter, name: &str) -> u64 {
    let counted = seen.snapshot().into_vec().into_iter();
    let value = counted.filter_map(|(key, .., value)| match value {
        DebugValue::Counter(count) if key.key().name() == name => Some(count),
        _ => None,
    });
    value.sum()
}

pub(crate) async fn lead(cluster: &Cluster, config: MasterConfig) -> (Term, Faults) {
    lead_with(cluster.sources("a"), config, cluster.clock.clone()).await
}

pub(crate) async fn lead_with(
    sources: Sources,
    config: MasterConfig,
    clock: Clock,
) -> (Term, Faults) {
    let log = Faults::seeded(0);
    let node = TestNode::start(sources).await;
    let mut handover = node.promote().await.unwrap();
    handover.writer = log.writer(handover.writer);
    (Term::start(handover, config, clock).unwrap(), log)
}

/// Clients that propose one addition each; the calls are left under way.
pub(crate) fn ask(
    term: &TermHandle,
    clock: &Clock,
    clients: RangeInclusive<u128>,
) -> JoinSet<Result<u64>> {
    let mut calls = JoinSet::new();
    for client in clients {
        let (term, mut client) = (term.clone(), Client::new(client, clock));
        calls.spawn(async move { client.add(&term, "x", 1).await });
    }
    calls
}

/// New clients ask, with a deadline that is soon, until the answer is of one of these kinds.
pub(crate) async fn until_told(term: &TermHandle, clock: &Clock, wanted: &[ErrorKind]) {
    let give_up = clock.now().plus(Duration::from_secs(10));
    for client in 1000.. {
        assert!(clock.now() < give_up, "never told {wanted:?}");
        let client = Client::new(client, clock);
        let soon = clock.now().plus(Duration::from_millis(20));
        let told = term.propose(client.command("y", 1, 1), soon).await;
        if told.is_err_and(|error| wanted.contains(error.kind())) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slow_log_takes_room_until_it_is_answered_or_its_caller_leaves() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig {
        queue: 10,
        ..MasterConfig::default()
    };
    let (term, log) = lead(&cluster, config).await;
    let handle = term.handle();
    hang(&log);
    let callers = ask(&handle, &clock, 1..=10);
    // All of them are decided, and none is answered: there is no room for more.
    until_told(&handle, &clock, &[ErrorKind::Busy]).await;
    drop(callers);
    // With room again a request waits for the log, and not for the queue.
    until_told(&handle, &clock, &[ErrorKind::Unknown]).await;
    log.heal();
    let mut client = Client::new(11, &clock);
    client.add(&handle, "x", 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_2_a_batch_is_cut_by_bytes_as_well_as_by_count() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let limit = 2048;
    let config = MasterConfig {
        batch_max_bytes: ByteSize(limit),
        queue: 200,
        ..MasterConfig::default()
    };
    let (term, log) = lead(&cluster, config).await;
    let handle = term.handle();
    hang(&log);
    let mut callers = ask(&handle, &clock, 1..=200);
    until_told(&handle, &clock, &[ErrorKind::Busy]).await;
    log.heal();
    while let Some(added) = callers.join_next().await {
        added.unwrap().unwrap();
    }
    let genesis = Position::genesis(cluster.fingerprint);
    let written = MemoryOpLog::open(&cluster.log);
    let written = written.read(genesis, ReadLimit::default()).await.unwrap();
    let sizes: Vec<_> = written.iter().map(|batch| batch.frame().len()).collect();
    let largest = *sizes.iter().max().unwrap() as u64;
    // The entry that reaches the limit is in it, and the header.
    assert!((limit / 2..limit + 512).contains(&largest), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_term_does_not_wait_for_a_log_that_hangs() {
    let recorder = DebuggingRecorder::new();
    let seen = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let (term, log) = lead(&cluster, MasterConfig::default()).await;
    let handle = term.handle();
    let mut client = Client::new(1, &clock);
    assert_eq!(client.add(&handle, "x", 1).await.unwrap(), 1);
    hang(&log);
    let mut hangs = ask(&handle, &clock, 2..=2);
    // What it waits for is in the state: this one is decided as well.
    while handle.progress().applied == handle.progress().committed.seq {
        tokio::task::yield_now().await;
    }
    handle.stop(TermEndReason::LeaseLost);
    let ended = tokio::time::timeout(Duration::from_secs(10), term.ended()).await;
    assert!(
        !ended.unwrap().clean,
        "its state has what may not be in the log"
    );
    let told = hangs.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Unknown);
    assert_eq!(counter(&seen, "standfast_requests_in_doubt_total"), 1);
    // The successor fences what hangs; when it goes on at last, it tells nobody and harms nothing.
    let successor = TestNode::start(cluster.sources("b")).await;
    let successor = successor.lead(MasterConfig::default()).await;
    log.heal();
    let again = Client::new(2, &clock);
    let sum = again.ask(&successor.handle(), "x", 1, 1).await.unwrap();
    assert_eq!(sum, Ok(2), "executed once");
    assert_eq!(client.read(&successor.handle(), "x").await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_async_acknowledged_and_a_lost_term_leaves_behind_is_counted() {
    let recorder = DebuggingRecorder::new();
    let seen = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig {
        ack: Ack::Async,
        ..MasterConfig::default()
    };
    let (term, log) = lead(&cluster, config).await;
    hang(&log);
    let mut client = Client::new(1, &clock);
    for _ in 0..50 {
        client.add(&term.handle(), "x", 1).await.unwrap();
    }
    term.handle().stop(TermEndReason::LeaseLost);
    term.ended().await;
    log.heal();
    assert_eq!(counter(&seen, "standfast_async_in_doubt_entries_total"), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn async_acknowledges_no_more_when_the_oldest_that_is_not_logged_is_too_old() {
    let clock = Clock::manual();
    let cluster = Cluster::new(clock.clone()).await;
    let config = MasterConfig {
        ack: Ack::Async,
        max_unflushed_age: Span(Duration::from_millis(50)),
        ..MasterConfig::default()
    };
    let (term, log) = lead(&cluster, config).await;
    let handle = term.handle();
    hang(&log);
    let mut client = Client::new(1, &clock);
    client.add(&handle, "x", 1).await.unwrap();
    clock.advance(Duration::from_millis(49));
    client.add(&handle, "x", 1).await.unwrap();
    clock.advance(Duration::from_millis(1));
    // It waits for room, and its caller by a clock that does not stand still.
    let soon = clock.now().plus(Duration::from_millis(20));
    let command = Client::new(2, &clock).command("y", 1, 1);
    let told = handle.propose(command, soon).await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Unknown);
    log.heal();
    client.add(&handle, "x", 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_that_does_not_arrive_is_sent_again_and_ends_no_term() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let (term, log) = lead(&cluster, MasterConfig::default()).await;
    let mut client = Client::new(1, &clock);
    client.add(&term.handle(), "x", 1).await.unwrap();
    let lost = Fault::Fail(ErrorKind::Unavailable);
    log.script(Operation::MarkCommitted, 1..=3, lost);
    client.add(&term.handle(), "x", 1).await.unwrap();
    let all_lost = async {
        while log.hits().values().sum::<u64>() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all_lost)
        .await
        .unwrap();
    assert_eq!(client.add(&term.handle(), "x", 1).await.unwrap(), 3);
}
