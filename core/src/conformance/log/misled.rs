use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::harness::News;
use super::parts::{append, ensure_contiguous, epoch_start, lead, next, next_batches, send};
use super::tailing::DeliversTwice;
use super::trial::LogTrial;
use super::twist::LogTwist;
use super::{Log, misled};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, token};
use crate::conformance::threads::{beside, join};
use crate::error::Result;
use crate::oplog::{OpLogStore, OpLogTail, ReadLimit, TailEvent};
use crate::words::{Epoch, Position};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h08_a_watch_that_lies_only_wakes_a_tail,
            ["OL-6", "OT-1", "h08"],
            needs [misled],
            twin DeliversTwice::default()
        ),
        case!(
            h09_what_nobody_reads_comes_in_pieces,
            ["OT-2", "h09"],
            needs [],
            twin GathersAll
        ),
    ]
}

/// How many batches are written while they are followed.
const FOLLOWED: usize = 200;

/// Writes a term, then lets another in and begins it. Tells all of it.
async fn write(store: Arc<dyn OpLogStore>) -> Outcome<Vec<Batch>> {
    let mut writer = store.open_writer(&token(1)).await?;
    let start = epoch_start(Epoch(1), writer.tail())?;
    send(&mut *writer, &start).await?;
    let mut sent = vec![start];
    for n in 0..FOLLOWED {
        sent.push(append(&mut *writer, format!("entry {n}").as_bytes()).await?);
    }
    drop(writer);
    let mut writer = store.open_writer(&token(2)).await?;
    let start = epoch_start(Epoch(2), writer.tail())?;
    send(&mut *writer, &start).await?;
    writer.mark_committed().await?;
    sent.push(start);
    Ok(sent)
}

/// Follows to the end of what `write` writes.
async fn follow(tail: &mut dyn OpLogTail) -> Outcome<Vec<Batch>> {
    let mut got: Vec<Batch> = Vec::new();
    while got.last().is_none_or(|batch| batch.epoch() < Epoch(2)) {
        got.extend(next_batches(tail).await?);
    }
    Ok(got)
}

async fn h08_a_watch_that_lies_only_wakes_a_tail(trial: &LogTrial) -> Outcome {
    for news in News::ALL {
        let log = trial.fresh().await?;
        let reader = log.open_misled(news).await?;
        let mut tail = reader.tail(Position::genesis(cluster())).await?;
        let writing = beside(write(log.open().await?));
        let got = follow(&mut *tail).await?;
        ensure_eq!(
            got,
            join(writing)?,
            "what came while the news were {news:?}"
        );
        let end = next(&mut *tail).await?;
        let epoch = TailEvent::NewEpoch(Epoch(2));
        let end = if end == epoch {
            next(&mut *tail).await?
        } else {
            end
        };
        let wanted = TailEvent::CaughtUp {
            tail: got.last().map_or_else(Position::default, Batch::end),
        };
        ensure_eq!(
            end,
            wanted,
            "what came in the end while the news were {news:?}"
        );
    }
    Ok(())
}

/// Delivers all that is there at once, however much it is.
struct GathersAll;

#[async_trait]
impl LogTwist for GathersAll {
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        let mut event = tail.next().await?;
        if let TailEvent::Batches(batches) = &mut event {
            let soon = Duration::from_millis(50);
            while let Ok(more) = tokio::time::timeout(soon, tail.next()).await {
                match more? {
                    TailEvent::Batches(more) => batches.extend(more),
                    _ => break,
                }
            }
        }
        Ok(event)
    }
}

/// Batches that nobody reads: more than one event may carry.
const UNREAD: usize = 40;
/// The size of each; every log takes that much.
const PAYLOAD: usize = 256 << 10;

/// What a tail keeps to itself is not seen from here: only that it never hands over more than a piece.
async fn h09_what_nobody_reads_comes_in_pieces(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let reader = log.open().await?;
    let genesis = Position::genesis(cluster());
    let mut tail = reader.tail(genesis).await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    let payload = vec![7; PAYLOAD];
    for _ in 0..UNREAD {
        append(&mut *writer, &payload).await?;
    }
    writer.mark_committed().await?;
    let most = ReadLimit::default().bytes;
    let mut position = genesis;
    while position != writer.tail() {
        let batches = next_batches(&mut *tail).await?;
        position = ensure_contiguous(&batches, position)?;
        let sizes = batches.iter().rev().map(|batch| batch.frame().len());
        let but_the_last: usize = sizes.skip(1).sum();
        ensure!(
            but_the_last <= most,
            "{but_the_last} bytes and a batch at once, the limit is {most} and a batch"
        );
    }
    Ok(())
}
