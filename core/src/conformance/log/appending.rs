use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;

use super::Log;
use super::parts::{append, batch, ensure_refused, lead, payloads, read_all, send};
use super::trial::LogTrial;
use super::twist::LogTwist;
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogWriter, ReadLimit};
use crate::words::{Epoch, Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            what_is_acknowledged_is_read_back_byte_for_byte,
            ["OL-5", "OL-1"],
            needs [],
            twin ForgetsTheLast
        ),
        case!(
            a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives,
            ["OW-1", "OL-1"],
            needs [],
            twin SaysYesToAll
        ),
        case!(
            h27_a_batch_over_the_limit_is_unsupported_and_the_writer_lives,
            ["OL-9", "OW-2", "h25", "h27"],
            needs [],
            twin SaysYesToAll
        ),
        case!(
            h27_a_batch_of_too_many_entries_is_unsupported_and_the_writer_lives,
            ["OL-9", "OW-2", "h25", "h27"],
            needs [],
            twin SaysYesToAll
        ),
        case!(
            h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer,
            ["OW-5", "OW-3", "h03"],
            needs [],
            twin GoesOnAfterADrop
        ),
    ]
}

/// Loses the newest batch of every read.
struct ForgetsTheLast;

#[async_trait]
impl LogTwist for ForgetsTheLast {
    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        let mut batches = store.read(after, limit).await?;
        batches.pop();
        Ok(batches)
    }
}

async fn what_is_acknowledged_is_read_back_byte_for_byte(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    let mut sent = Vec::new();
    for n in 0..20_u8 {
        sent.push(append(&mut *writer, &[n; 100]).await?);
    }
    writer.mark_committed().await?;
    let other = log.open().await?;
    let read = read_all(&*other).await?;
    let frames = |batches: &[Batch]| -> Vec<Bytes> {
        batches.iter().map(|batch| batch.frame().clone()).collect()
    };
    ensure_eq!(
        frames(read.get(1..).unwrap_or_default()),
        frames(&sent),
        "what another handle reads"
    );
    let bounds = other.bounds().await?;
    ensure_eq!(
        (bounds.floor, bounds.tail, bounds.epoch),
        (Seq(1), writer.tail(), Epoch(1)),
        "floor, tail and epoch"
    );
    Ok(())
}

/// Acknowledges whatever it is given, and writes it if it can.
pub(super) struct SaysYesToAll;

#[async_trait]
impl LogTwist for SaysYesToAll {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        Ok(writer.append(batch).await.unwrap_or_else(|_| batch.end()))
    }
}

async fn a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    let tail = writer.tail();
    let skipped = batch(Epoch(1), tail, &[b"x"])?;
    let skipping = batch(Epoch(1), skipped.end(), &[b"y"])?;
    let answer = send(&mut *writer, &skipping).await;
    ensure_refused(answer, &ErrorKind::Gap, "a batch that skips one")?;
    ensure_eq!(writer.tail(), tail, "the tail after a refusal");
    append(&mut *writer, b"z").await?;
    writer.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    ensure_eq!(read, [b"z".to_vec()], "what was written");
    Ok(())
}

async fn h27_a_batch_over_the_limit_is_unsupported_and_the_writer_lives(
    trial: &LogTrial,
) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    let payload = vec![0; 1 << 20];
    let count = store.capabilities().max_batch_bytes / payload.len() + 1;
    let huge = batch(Epoch(1), writer.tail(), &vec![payload.as_slice(); count])?;
    let answer = send(&mut *writer, &huge).await;
    ensure_refused(answer, &ErrorKind::Unsupported, "a batch over the limit")?;
    append(&mut *writer, b"small").await?;
    drop(writer);
    let mut next = lead(&*store, 2).await?;
    next.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    ensure_eq!(read, [b"small".to_vec()], "what a later term finds");
    Ok(())
}

/// How many empty entries at `previous` fit into a batch of so many bytes.
fn room(previous: Position, bytes: usize) -> Result<usize> {
    let size = |count| {
        Ok(batch(Epoch(1), previous, &vec![b"".as_slice(); count])?
            .frame()
            .len())
    };
    let (one, two): (usize, usize) = (size(1)?, size(2)?);
    // The length of a frame is a number of 32 bits.
    let bytes = bytes.min(u32::MAX as usize);
    Ok(1 + bytes.saturating_sub(one) / (two - one))
}

/// Holds by itself where the limit of bytes lets no batch come over that of entries.
async fn h27_a_batch_of_too_many_entries_is_unsupported_and_the_writer_lives(
    trial: &LogTrial,
) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let limits = store.capabilities();
    let mut writer = lead(&*store, 1).await?;
    if room(writer.tail(), limits.max_batch_bytes)? <= limits.max_batch_entries {
        return Ok(());
    }
    let too_many = vec![b"".as_slice(); limits.max_batch_entries + 1];
    let most = too_many.get(1..).unwrap_or_default();
    let largest = batch(Epoch(1), writer.tail(), most)?;
    let too_many = batch(Epoch(1), writer.tail(), &too_many)?;
    let answer = send(&mut *writer, &too_many).await;
    ensure_refused(answer, &ErrorKind::Unsupported, "a batch over the limit")?;
    send(&mut *writer, &largest).await?;
    let small = append(&mut *writer, b"small").await?;
    writer.mark_committed().await?;
    let tail = log.open().await?.bounds().await?.tail;
    ensure_eq!(tail, small.end(), "where the log ends");
    Ok(())
}

/// Reads like a sound log, but a dropped append leaves its writer as it was.
struct GoesOnAfterADrop;

#[async_trait]
impl LogTwist for GoesOnAfterADrop {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        // The drop never reaches the store.
        tokio::task::yield_now().await;
        writer.append(batch).await
    }
}

/// Polls an append once and drops it. A store that had done it by then has nothing in doubt: the append is acknowledged.
async fn h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer(
    trial: &LogTrial,
) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    let first = batch(Epoch(1), writer.tail(), &[b"dropped"])?;
    let poll = {
        let mut future = writer.append(&first);
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    };
    let done = matches!(poll, Poll::Ready(Ok(_)));
    match poll {
        Poll::Ready(Err(error)) if *error.kind() == ErrorKind::NotWritten => {}
        Poll::Ready(answer) => {
            answer?;
        }
        Poll::Pending => {
            let other = batch(Epoch(1), writer.tail(), &[b"other"])?;
            let answer = writer.append(&other).await;
            let what = "an append after a dropped one";
            ensure_refused(answer, &ErrorKind::Indeterminate, what)?;
        }
    }
    drop(writer);
    let mut next = lead(&*store, 2).await?;
    next.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    ensure!(
        read.is_empty() || read == [b"dropped".to_vec()],
        "something else than the dropped batch is there: {read:?}"
    );
    ensure!(
        !done || !read.is_empty(),
        "the batch was acknowledged, and is lost"
    );
    Ok(())
}
