use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Log;
use super::parts::{append, ensure_contiguous, epoch_start, lead, next, next_batches, send};
use super::trial::LogTrial;
use super::twist::LogTwist;
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, token};
use crate::error::Result;
use crate::oplog::{OpLogTail, OpLogWriter, TailEvent};
use crate::words::{Epoch, Position};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch,
            ["OL-6", "OT-1"],
            needs [],
            twin SaysItCaughtUpAlways
        ),
        case!(
            h08_a_tail_sees_all_batches_in_order_while_they_are_written,
            ["OL-6", "OT-1", "h08"],
            needs [],
            twin DropsOneInAThousand::default()
        ),
        case!(
            a_wait_that_was_dropped_loses_nothing,
            ["OT-1", "h08"],
            needs [],
            twin DeliversTwice::default()
        ),
    ]
}

/// Tells again and again that it caught up.
struct SaysItCaughtUpAlways;

#[async_trait]
impl LogTwist for SaysItCaughtUpAlways {
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        let soon = tokio::time::timeout(Duration::from_millis(5), tail.next()).await;
        soon.unwrap_or(Ok(TailEvent::CaughtUp {
            tail: Position::genesis(cluster()),
        }))
    }
}

async fn a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    append(&mut *writer, b"a").await?;
    writer.mark_committed().await?;
    let end = writer.tail();
    let reader = log.open().await?;
    let mut tail = reader.tail(Position::genesis(cluster())).await?;
    let mut got = Vec::new();
    loop {
        match next(&mut *tail).await? {
            TailEvent::Batches(batches) => got.extend(batches),
            TailEvent::CaughtUp { tail } => {
                ensure_eq!(tail, end, "where the tail caught up");
                break;
            }
            other => return Err(Failure::new(format!("unexpected {other:?}"))),
        }
    }
    let delivered = ensure_contiguous(&got, Position::genesis(cluster()))?;
    ensure_eq!(delivered, end, "the end of what was delivered");
    let quiet = tokio::time::timeout(Duration::from_millis(30), tail.next()).await;
    ensure!(
        quiet.is_err(),
        "the end is told once, and then came {quiet:?}"
    );
    drop(writer);
    let mut writer = log.open().await?.open_writer(&token(2)).await?;
    let told = next(&mut *tail).await?;
    ensure_eq!(
        told,
        TailEvent::NewEpoch(Epoch(2)),
        "what a new writer looks like"
    );
    let start = epoch_start(Epoch(2), writer.tail())?;
    send(&mut *writer, &start).await?;
    writer.mark_committed().await?;
    ensure_eq!(
        next_batches(&mut *tail).await?,
        [start],
        "the first batch of the new term"
    );
    Ok(())
}

/// Leaves out every thousandth batch.
#[derive(Default)]
struct DropsOneInAThousand(Mutex<u64>);

#[async_trait]
impl LogTwist for DropsOneInAThousand {
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        let mut event = tail.next().await?;
        if let TailEvent::Batches(batches) = &mut event {
            let mut count = self.0.lock();
            batches.retain(|_| {
                *count += 1;
                !count.is_multiple_of(1000)
            });
        }
        Ok(event)
    }
}

/// How many batches are written while they are followed: more than a thousand, for the twin's sake, and few enough for a disk
/// that takes its time.
const FOLLOWED: usize = 1_500;

/// Appends on a thread of its own, as the master does.
fn write_many(mut writer: Box<dyn OpLogWriter>) -> Outcome<Position> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?;
    runtime.block_on(async {
        for n in 0..FOLLOWED {
            append(&mut *writer, format!("entry {n}").as_bytes()).await?;
        }
        writer.mark_committed().await?;
        Ok(writer.tail())
    })
}

async fn h08_a_tail_sees_all_batches_in_order_while_they_are_written(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let writer = lead(&*store, 1).await?;
    let reader = log.open().await?;
    let mut tail = reader.tail(Position::genesis(cluster())).await?;
    let writing = std::thread::spawn(move || write_many(writer));
    let mut position = Position::genesis(cluster());
    let mut count = 0;
    while count <= FOLLOWED {
        let batches = next_batches(&mut *tail).await?;
        position = ensure_contiguous(&batches, position)?;
        count += batches.len();
    }
    let end = writing
        .join()
        .unwrap_or_else(|_| Err(Failure::new("the writer panicked")))?;
    ensure_eq!(position, end, "the end of what was delivered");
    Ok(())
}

/// Delivers every batch a second time.
#[derive(Default)]
pub(super) struct DeliversTwice(Mutex<Vec<Batch>>);

#[async_trait]
impl LogTwist for DeliversTwice {
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        let again = std::mem::take(&mut *self.0.lock());
        if !again.is_empty() {
            return Ok(TailEvent::Batches(again));
        }
        let event = tail.next().await?;
        if let TailEvent::Batches(batches) = &event {
            self.0.lock().clone_from(batches);
        }
        Ok(event)
    }
}

async fn a_wait_that_was_dropped_loses_nothing(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    let mut sent = Vec::new();
    let reader = log.open().await?;
    let mut tail = reader.tail(writer.tail()).await?;
    let mut got: Vec<Batch> = Vec::new();
    for n in 0..200_u8 {
        sent.push(append(&mut *writer, &[n]).await?);
        writer.mark_committed().await?;
        // Dropped at whatever point it has reached.
        let wait = Duration::from_micros(u64::from(n) * 7);
        if let Ok(Ok(TailEvent::Batches(batches))) = tokio::time::timeout(wait, tail.next()).await {
            got.extend(batches);
        }
    }
    while got.len() < sent.len() {
        got.extend(next_batches(&mut *tail).await?);
    }
    ensure_eq!(got, sent, "what was delivered");
    Ok(())
}
