use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::held::{Acknowledged, a_term, begun, calls, ensure_counted};
use super::parts::{Guard, append, ensure_contiguous, fill, lead, payloads, read_after, read_all};
use super::trial::{Log as Place, LogTrial};
use super::twist::LogTwist;
use super::{Log, outliving, wired};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::threads::{beside, ended, join};
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogWriter, TrimGuard};
use crate::words::{Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h02_a_writer_held_while_its_successor_trims_past_it_leaves_no_trace,
            ["OL-2", "OL-4", "OL-8", "h01", "h02"],
            needs [outliving, wired],
            twin ForgetsTheFenceWithTheRest::default()
        ),
        case!(
            h10_a_trim_cut_at_any_call_is_done_by_the_next,
            ["OL-8", "OL-11", "h10", "h11"],
            needs [wired],
            twin ThinksItIsDone::default()
        ),
    ]
}

/// Keeps its fence where it trims: from then on it acknowledges what a fenced writer appends.
#[derive(Default)]
pub(super) struct ForgetsTheFenceWithTheRest(AtomicBool);

#[async_trait]
impl LogTwist for ForgetsTheFenceWithTheRest {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        match writer.append(batch).await {
            Err(error) if *error.kind() == ErrorKind::Fenced && self.0.load(Ordering::Acquire) => {
                Ok(batch.end())
            }
            answer => answer,
        }
    }

    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        let floor = store.trim(through, guard).await?;
        self.0.store(true, Ordering::Release);
        Ok(floor)
    }
}

/// Leads, appends enough for some segments, and trims all but the last batch. Tells what it found of the terms before.
async fn succeed_and_trim(log: &Place) -> Outcome<Acknowledged> {
    let store = log.open().await?;
    let mut writer = lead(&*store, 3).await?;
    writer.mark_committed().await?;
    let found = payloads(&read_all(&*store).await?)?;
    fill(&mut *writer, 8).await?;
    store.trim(Seq(u64::MAX), &Guard::of(3)).await?;
    Ok(found)
}

/// Whether the log holds one term only, that of the successor, for whoever leads next.
async fn ensure_no_trace(log: &Place, when: &str) -> Outcome {
    let store = log.open().await?;
    let mut last = lead(&*store, 9).await?;
    last.mark_committed().await?;
    let before_floor = store.bounds().await?.before_floor;
    let left = read_after(&*store, before_floor).await?;
    ensure_contiguous(&left, before_floor)?;
    for batch in &left {
        ensure!(
            batch.epoch().0 != 2,
            "{when}: {} is in the log, though all of its term was trimmed",
            batch.end()
        );
    }
    Ok(())
}

/// What the writer got acknowledged its successor has found, or it was never acknowledged: nothing else tells, once both terms
/// are trimmed.
async fn h02_a_writer_held_while_its_successor_trims_past_it_leaves_no_trace(
    trial: &LogTrial,
) -> Outcome {
    for call in calls(trial) {
        let when = format!("held at call {call}");
        let (log, store, wire) = begun(trial).await?;
        wire.hold_at(wire.calls() + call);
        let term = beside(a_term(store, 2));
        let held = tokio::select! {
            () = wire.held() => true,
            () = ended(&term) => false,
        };
        let found = succeed_and_trim(&log).await?;
        wire.release();
        let (acknowledged, refused) = join(term)?;
        for payload in &acknowledged {
            let text = String::from_utf8_lossy(payload);
            ensure!(
                found.contains(payload),
                "{when}: {text} was acknowledged, and the successor had not found it"
            );
        }
        let known = matches!(
            refused,
            None | Some(ErrorKind::Fenced | ErrorKind::Indeterminate)
        );
        ensure!(known, "{when}: it ended with {refused:?}");
        ensure_no_trace(&log, &when).await?;
        if !held {
            return ensure_counted(call);
        }
    }
    Ok(())
}

/// After a trim that failed it says that the next was done.
#[derive(Default)]
struct ThinksItIsDone(AtomicBool);

#[async_trait]
impl LogTwist for ThinksItIsDone {
    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        if self.0.swap(false, Ordering::AcqRel) {
            return Ok(store.bounds().await?.floor);
        }
        let answer = store.trim(through, guard).await;
        self.0.store(answer.is_err(), Ordering::Release);
        answer
    }
}

/// The entry that is needed when the log is trimmed.
const NEEDED: Seq = Seq(9);

/// Whether what is needed is there, and all that the log says to hold. Tells the floor.
async fn ensure_left(store: &dyn OpLogStore, all: &[Batch], when: &str) -> Outcome<Seq> {
    let bounds = store.bounds().await?;
    ensure!(
        bounds.floor <= NEEDED,
        "{when}: entries from {NEEDED} on are needed, and the floor is {}",
        bounds.floor
    );
    let left = read_after(store, bounds.before_floor).await?;
    let wanted = all.iter().filter(|batch| batch.first() >= bounds.floor);
    let wanted: Vec<_> = wanted.cloned().collect();
    ensure_eq!(left, wanted, "{when}: what is left");
    Ok(bounds.floor)
}

async fn h10_a_trim_cut_at_any_call_is_done_by_the_next(trial: &LogTrial) -> Outcome {
    for call in calls(trial) {
        let when = format!("answer lost at call {call}");
        let log = trial.fresh().await?;
        let mut writer = lead(&*log.open().await?, 1).await?;
        fill(&mut *writer, 12).await?;
        let all = read_all(&*log.open().await?).await?;
        let (store, wire) = log.open_wired().await?;
        let lost = wire.calls() + call;
        wire.lose_answer_at(lost);
        let cut = join(beside(async move {
            let needed = Guard::of(1).needs(NEEDED);
            // It may have been told as a failure, or made good.
            Ok((store.trim(Seq(11), &needed).await.is_ok(), store))
        }))?;
        let (done, store) = cut;
        let other = log.open().await?;
        let floor = ensure_left(&*other, &all, &when).await?;
        ensure!(
            !done || floor > Seq(1),
            "{when}: done, and nothing is trimmed"
        );
        if wire.calls() <= lost {
            return ensure_counted(call);
        }
        let again = store.trim(Seq(11), &Guard::of(1).needs(NEEDED)).await?;
        let floor = ensure_left(&*other, &all, &when).await?;
        ensure_eq!(again, floor, "{when}: the floor that the next trim told");
        ensure!(floor > Seq(1), "{when}: the next trim does nothing");
        append(&mut *writer, b"on it goes").await?;
    }
    Ok(())
}
