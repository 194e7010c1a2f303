use standfast_core::{Batch, ErrorKind, OpLogTail, Position, TailEvent};

use super::support::{Log, cluster};
use crate::layers::{Fault, Operation};

/// A tail over a log of three batches, each an event of its own: they come one by one.
async fn tail_of(log: &Log) -> (Vec<Batch>, Box<dyn OpLogTail>) {
    let filled = log.fill(3).await;
    let tail = log.faulty.tail(Position::genesis(cluster())).await.unwrap();
    (filled, tail)
}

async fn seqs(tail: &mut dyn OpLogTail) -> Vec<u64> {
    match tail.next().await.unwrap() {
        TailEvent::Batches(batches) => batches.iter().map(|batch| batch.last().0).collect(),
        TailEvent::CaughtUp { .. } => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// What a tail gives when this happens to its first event: three batches at once, and then nothing more.
async fn first_two(fault: Fault) -> [Vec<u64>; 2] {
    let log = Log::new().await;
    log.faults.script(Operation::NextEvent, 1..=1, fault);
    let (_, mut tail) = tail_of(&log).await;
    [seqs(&mut *tail).await, seqs(&mut *tail).await]
}

#[tokio::test]
async fn events_are_repeated_and_swapped() {
    let (all, caught_up) = (vec![1, 2, 3], vec![]);
    let delayed = Fault::Delay(std::time::Duration::ZERO);
    let in_order = [all.clone(), caught_up.clone()];
    assert_eq!(first_two(delayed).await, in_order);
    let repeated = [all.clone(), all.clone()];
    assert_eq!(first_two(Fault::RepeatEvent).await, repeated);
    assert_eq!(first_two(Fault::SwapEvents).await, [caught_up, all]);
}

#[tokio::test]
async fn an_event_is_passed_over() {
    let log = Log::new().await;
    log.faults
        .script(Operation::NextEvent, 1..=1, Fault::DropEvent);
    let (filled, mut tail) = tail_of(&log).await;
    let end = filled.last().unwrap().end();
    assert_eq!(
        tail.next().await.unwrap(),
        TailEvent::CaughtUp { tail: end }
    );
}

#[tokio::test]
async fn an_event_that_met_an_error_is_given_by_the_next_call() {
    for (fault, kind) in [
        (Fault::LoseAnswer, ErrorKind::Unavailable),
        (Fault::Fail(ErrorKind::Unavailable), ErrorKind::Unavailable),
        (Fault::FlipBit, ErrorKind::Corrupt),
    ] {
        let log = Log::new().await;
        log.faults.script(Operation::NextEvent, 1..=1, fault);
        let (filled, mut tail) = tail_of(&log).await;
        assert_eq!(*tail.next().await.unwrap_err().kind(), kind);
        assert_eq!(tail.next().await.unwrap(), TailEvent::Batches(filled));
    }
}

#[tokio::test]
async fn an_event_is_not_lost_with_a_call_that_is_dropped() {
    let log = Log::new().await;
    log.faults.script(Operation::NextEvent, 1..=1, Fault::Stall);
    let (filled, mut tail) = tail_of(&log).await;
    tokio::select! {
        biased;
        _ = tail.next() => panic!("it stands still"),
        () = log.faults.stalled() => {}
    }
    assert_eq!(tail.next().await.unwrap(), TailEvent::Batches(filled));
}
