//! Writers that live in processes of their own, which are frozen and killed while they append.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::fencing::{ForgetsTheFence, LetsTwoIn, SettlesNothing};
use super::parts::{
    Guard, append, ensure_refused, epoch_start, fill, lead, payloads, read_after, read_all, send,
};
use super::racing::drain;
use super::trial::{Log as Place, LogTrial};
use super::{Log, apart, locked, outliving};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, token};
use crate::conformance::threads::{beside, join};
use crate::error::ErrorKind;
use crate::oplog::OpLogWriter;
use crate::words::{Epoch, Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h01_a_frozen_process_acknowledges_nothing_after_its_successor,
            ["OL-2", "OL-3", "OL-6", "h01", "h28"],
            needs [apart, outliving],
            twin ForgetsTheFence
        ),
        case!(
            h02_a_frozen_process_is_fenced_after_everything_was_trimmed,
            ["OL-2", "h02"],
            needs [apart, outliving],
            twin ForgetsTheFence
        ),
        case!(
            h01_a_frozen_process_keeps_the_log_until_it_is_killed,
            ["OL-2", "OL-3", "h01"],
            needs [apart, locked],
            twin LetsTwoIn
        ),
        case!(
            h06_what_a_killed_process_acknowledged_is_in_the_log_for_good,
            ["OL-3", "OL-5", "h06"],
            needs [apart],
            twin SettlesNothing
        ),
    ]
}

/// How many processes are frozen, or killed, one after the other.
const ROUNDS: u64 = 5;

/// What is known of a leader that appends all the time.
#[derive(Debug, Default)]
struct Progress {
    /// How many of its batches were acknowledged.
    acknowledged: AtomicU64,
    /// A successor has been let in: no append that begins now may be acknowledged.
    succeeded: AtomicBool,
}

impl Progress {
    /// Waits until as many batches were acknowledged as the seed and the round say: the next one is under way then.
    async fn under_way(&self, trial: &LogTrial, round: u64, ended: impl Fn() -> bool) {
        let wanted = 1 + (trial.seed().wrapping_mul(7).wrapping_add(round * 3)) % 10;
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while self.acknowledged.load(Ordering::Acquire) < wanted && !ended() {
            looks.tick().await;
        }
    }
}

/// Appends until something is refused. Tells what was acknowledged, and the kind of the error.
async fn append_until_refused(
    mut writer: Box<dyn OpLogWriter>,
    progress: Arc<Progress>,
) -> Outcome<(Vec<Batch>, ErrorKind)> {
    let mut acknowledged = Vec::new();
    loop {
        let late = progress.succeeded.load(Ordering::Acquire);
        match append(&mut *writer, b"old").await {
            Ok(batch) => {
                let end = batch.end();
                ensure!(
                    !late,
                    "{end} was acknowledged after a successor had been let in"
                );
                acknowledged.push(batch);
            }
            Err(error) => return Ok((acknowledged, error.kind().clone())),
        }
        progress.acknowledged.fetch_add(1, Ordering::Release);
    }
}

/// Lets a writer begin its term as a promoted node does: what it drains and its first batch end up behind `history`.
async fn promote(writer: &mut dyn OpLogWriter, history: &mut Vec<Batch>) -> Outcome {
    let genesis = Position::genesis(cluster());
    let after = history.last().map_or(genesis, Batch::end);
    drain(writer, after, history).await?;
    let start = epoch_start(writer.epoch(), writer.tail())?;
    send(writer, &start).await?;
    history.push(start);
    Ok(())
}

/// Whether a reader finds `history` and nothing else, with all that was acknowledged in it.
async fn ensure_is(log: &Place, history: &[Batch], acknowledged: &[Batch]) -> Outcome {
    let found = read_all(&*log.open().await?).await?;
    ensure_eq!(found, history, "the log, against what was drained");
    for batch in acknowledged {
        let end = batch.end();
        ensure!(history.contains(batch), "acknowledged {end} is lost");
    }
    Ok(())
}

async fn h01_a_frozen_process_acknowledges_nothing_after_its_successor(
    trial: &LogTrial,
) -> Outcome {
    for round in 0..ROUNDS {
        let log = trial.fresh().await?;
        let (store, process) = log.open_apart().await?;
        let progress = Arc::new(Progress::default());
        let frozen = lead(&*store, 1).await?;
        let frozen = beside(append_until_refused(frozen, Arc::clone(&progress)));
        progress
            .under_way(trial, round, || frozen.is_finished())
            .await;
        process.freeze().await?;
        let mut history = Vec::new();
        let mut writer = log.open().await?.open_writer(&token(2)).await?;
        promote(&mut *writer, &mut history).await?;
        history.push(append(&mut *writer, b"new").await?);
        progress.succeeded.store(true, Ordering::Release);
        process.thaw().await?;
        let (acknowledged, refused) = join(frozen)?;
        // What was under way may be in doubt.
        let known = matches!(refused, ErrorKind::Fenced | ErrorKind::Indeterminate);
        ensure!(known, "the thawed process ended with {refused:?}");
        history.push(append(&mut *writer, b"newer").await?);
        writer.mark_committed().await?;
        ensure_is(&log, &history, &acknowledged).await?;
    }
    Ok(())
}

async fn h02_a_frozen_process_is_fenced_after_everything_was_trimmed(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let (away, process) = log.open_apart().await?;
    let mut frozen = lead(&*away, 1).await?;
    fill(&mut *frozen, 20).await?;
    process.freeze().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 2).await?;
    fill(&mut *writer, 40).await?;
    store.trim(Seq(u64::MAX), &Guard::of(2)).await?;
    drop(writer);
    process.thaw().await?;
    let late = append(&mut *frozen, b"late").await;
    ensure_refused(late, &ErrorKind::Fenced, "an append of a thawed process")?;
    let left = read_after(&*store, store.bounds().await?.before_floor).await?;
    let found = payloads(&left)?.contains(&b"late".to_vec());
    ensure_eq!(found, false, "whether the late entry is in the log");
    Ok(())
}

async fn h01_a_frozen_process_keeps_the_log_until_it_is_killed(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let (away, process) = log.open_apart().await?;
    let mut frozen = lead(&*away, 1).await?;
    append(&mut *frozen, b"first").await?;
    process.freeze().await?;
    let second = log.open().await?.open_writer(&token(2)).await;
    let what = "a writer beside a frozen process";
    ensure_refused(second, &ErrorKind::Unavailable, what)?;
    process.thaw().await?;
    append(&mut *frozen, b"second").await?;
    process.freeze().await?;
    process.kill().await?;
    drop(frozen);
    let mut next = lead(&*log.open().await?, 2).await?;
    next.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    let wanted = [b"first".to_vec(), b"second".to_vec()];
    ensure_eq!(read, wanted, "what is in the log");
    Ok(())
}

/// Each process drains what the one before it left, and is killed while it appends. What the kill met half-way is drained by
/// the next one or is never seen again.
async fn h06_what_a_killed_process_acknowledged_is_in_the_log_for_good(
    trial: &LogTrial,
) -> Outcome {
    let log = trial.fresh().await?;
    let (mut history, mut acknowledged) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (store, process) = log.open_apart().await?;
        let epoch = Epoch(round + 1);
        let mut writer = store.open_writer(&token(epoch.0)).await?;
        promote(&mut *writer, &mut history).await?;
        let progress = Arc::new(Progress::default());
        let killed = beside(append_until_refused(writer, Arc::clone(&progress)));
        progress
            .under_way(trial, round, || killed.is_finished())
            .await;
        process.kill().await?;
        let (more, refused) = join(killed)?;
        let doubt = ErrorKind::Indeterminate;
        ensure_eq!(refused, doubt, "what an append of a killed process is");
        acknowledged.extend(more);
    }
    let mut last = log.open().await?.open_writer(&token(ROUNDS + 1)).await?;
    promote(&mut *last, &mut history).await?;
    last.mark_committed().await?;
    ensure_is(&log, &history, &acknowledged).await
}
