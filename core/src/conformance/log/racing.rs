use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::fencing::ForgetsTheFence;
use super::parts::{append, ensure_contiguous, epoch_start, lead, payloads, read_all, send};
use super::trial::LogTrial;
use super::twist::LogTwist;
use super::{Log, outliving};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, token};
use crate::conformance::threads::{beside, join};
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogWriter, ReadLimit};
use crate::words::{Epoch, FenceToken, Position};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h16_of_racing_writers_every_acknowledged_entry_stays,
            ["OL-2", "OL-3", "OL-5", "h16"],
            needs [outliving],
            twin ForgetsTheFence
        ),
        case!(
            h28_what_lands_during_a_promotion_is_drained_or_refused,
            ["OL-2", "OL-3", "h28"],
            needs [outliving],
            twin DrainsWhatWasThereBefore::default()
        ),
    ]
}

/// Settles what was there before the new writer was let in: what lands meanwhile is in the log, and not drained.
#[derive(Default)]
struct DrainsWhatWasThereBefore(Mutex<Position>);

#[async_trait]
impl LogTwist for DrainsWhatWasThereBefore {
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        *self.0.lock() = store.bounds().await?.tail;
        store.open_writer(token).await
    }

    async fn settled(
        &self,
        writer: &mut dyn OpLogWriter,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        let mut batches = writer.settled(after, limit).await?;
        let before = self.0.lock().seq;
        batches.retain(|batch| batch.last() <= before);
        Ok(batches)
    }
}

/// How often each of three racers is promoted.
const ROUNDS: u64 = 40;

/// Is promoted again and again under ever higher epochs, appends a little in each term, and returns what was acknowledged.
async fn promote_again_and_again(
    store: Arc<dyn OpLogStore>,
    epochs: Arc<AtomicU64>,
    name: u8,
) -> Outcome<Vec<Vec<u8>>> {
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let epoch = epochs.fetch_add(1, Ordering::Relaxed);
        let mut writer = match lead(&*store, epoch).await {
            Ok(writer) => writer,
            Err(error) if *error.kind() == ErrorKind::Fenced => continue,
            Err(error) => return Err(error.into()),
        };
        for n in 0..(round % 5) {
            let payload = format!("{name}/{epoch}/{n}").into_bytes();
            match append(&mut *writer, &payload).await {
                Ok(_) => acknowledged.push(payload),
                Err(error) if *error.kind() == ErrorKind::Fenced => break,
                Err(error) => return Err(error.into()),
            }
        }
        if round % 3 == 0 {
            // Fenced or not, a mark harms nobody.
            drop(writer.mark_committed().await);
        }
    }
    Ok(acknowledged)
}

async fn h16_of_racing_writers_every_acknowledged_entry_stays(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let epochs = Arc::new(AtomicU64::new(1));
    let mut racers = Vec::new();
    for name in 0..3 {
        let (store, epochs) = (log.open().await?, Arc::clone(&epochs));
        racers.push(beside(promote_again_and_again(store, epochs, name)));
    }
    let mut acknowledged = Vec::new();
    for racer in racers {
        acknowledged.extend(join(racer)?);
    }
    let last = epochs.load(Ordering::Relaxed);
    let mut writer = lead(&*log.open().await?, last).await?;
    writer.mark_committed().await?;
    let all = read_all(&*log.open().await?).await?;
    ensure_contiguous(&all, Position::genesis(cluster()))?;
    let found = payloads(&all)?;
    for payload in &acknowledged {
        let text = String::from_utf8_lossy(payload);
        ensure!(found.contains(payload), "acknowledged {text} is lost");
    }
    ensure!(!acknowledged.is_empty(), "nobody ever got to append");
    Ok(())
}

/// What a leader and its successor tell each other.
#[derive(Default)]
struct Between {
    /// The old one has appended something.
    begun: AtomicBool,
    /// The new one has been let in.
    succeeded: AtomicBool,
}

/// Appends until it is shut out, and returns what was acknowledged.
async fn append_until_fenced(
    mut writer: Box<dyn OpLogWriter>,
    between: Arc<Between>,
) -> Outcome<Vec<Batch>> {
    let mut acknowledged = Vec::new();
    loop {
        let late = between.succeeded.load(Ordering::Acquire);
        match append(&mut *writer, b"old").await {
            Ok(batch) => {
                let end = batch.end();
                ensure!(
                    !late,
                    "{end} was acknowledged after a successor had been let in"
                );
                acknowledged.push(batch);
            }
            Err(error) if *error.kind() == ErrorKind::Fenced => return Ok(acknowledged),
            Err(error) => return Err(error.into()),
        }
        between.begun.store(true, Ordering::Release);
    }
}

/// The old leader appends as late as it can. What the new one drains is all that the log ever holds of the old term.
async fn h28_what_lands_during_a_promotion_is_drained_or_refused(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut drained: Vec<Batch> = Vec::new();
    let mut acknowledged = Vec::new();
    let mut old: Option<(_, Arc<Between>)> = None;
    for epoch in 1..=40 {
        let store = log.open().await?;
        let mut writer = store.open_writer(&token(epoch)).await?;
        if let Some((old, between)) = old.take() {
            between.succeeded.store(true, Ordering::Release);
            acknowledged.extend(join(old)?);
        }
        let after = drained
            .last()
            .map_or_else(|| Position::genesis(cluster()), Batch::end);
        drain(&mut *writer, after, &mut drained).await?;
        let start = epoch_start(Epoch(epoch), writer.tail())?;
        send(&mut *writer, &start).await?;
        drained.push(start);
        let between = Arc::new(Between::default());
        let leader = beside(append_until_fenced(writer, Arc::clone(&between)));
        while !between.begun.load(Ordering::Acquire) && !leader.is_finished() {
            tokio::task::yield_now().await;
        }
        old = Some((leader, between));
    }
    let mut last = lead(&*log.open().await?, 41).await?;
    if let Some((old, between)) = old {
        between.succeeded.store(true, Ordering::Release);
        acknowledged.extend(join(old)?);
    }
    last.mark_committed().await?;
    let all = read_all(&*log.open().await?).await?;
    ensure_contiguous(&all, Position::genesis(cluster()))?;
    ensure_eq!(
        all.get(..drained.len()).map(Vec::from),
        Some(drained),
        "the log, against what the promoted nodes drained"
    );
    for batch in acknowledged {
        ensure!(all.contains(&batch), "acknowledged {} is lost", batch.end());
    }
    Ok(())
}

/// What a promoted node does: reads what was settled.
pub(super) async fn drain(
    writer: &mut dyn OpLogWriter,
    after: Position,
    into: &mut Vec<Batch>,
) -> Outcome {
    let mut position = after;
    while position != writer.tail() {
        let batches = writer.settled(position, ReadLimit::default()).await?;
        ensure!(!batches.is_empty(), "nothing is settled after {position}");
        position = ensure_contiguous(&batches, position)?;
        into.extend(batches);
    }
    ensure_eq!(position, writer.tail(), "the end of what was settled");
    Ok(())
}
