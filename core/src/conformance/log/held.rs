use std::sync::Arc;

use super::appending::SaysYesToAll;
use super::parts::{append, ensure_contiguous, ensure_refused, lead, payloads, read_all};
use super::trial::{Log as Place, LogTrial};
use super::{Log, wired};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::parts::cluster;
use crate::conformance::threads::{beside, ended, join};
use crate::conformance::wire::Wire;
use crate::error::ErrorKind;
use crate::oplog::{OpLogStore, OpLogWriter};
use crate::words::Position;

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h01_a_writer_held_between_any_two_calls_loses_nothing_it_acknowledges,
            ["OL-2", "OL-3", "OL-5", "h01", "h06", "h28"],
            needs [wired],
            twin SaysYesToAll
        ),
        case!(
            h03_a_lost_answer_at_any_call_is_no_lost_entry,
            ["OW-2", "OW-3", "OW-4", "OL-3", "h03", "h15"],
            needs [wired],
            twin SaysYesToAll
        ),
    ]
}

/// A seed tries every so many calls, and the next seed the ones beside them.
const STRIDE: usize = 4;

/// The calls that a seed tries.
pub(super) fn calls(trial: &LogTrial) -> impl Iterator<Item = u64> {
    (trial.seed() % STRIDE as u64..).step_by(STRIDE)
}

/// Ends the case unless there were some calls before this one, which never came.
pub(super) fn ensure_counted(call: u64) -> Outcome {
    ensure!(
        call >= STRIDE as u64,
        "{call} calls are all: the wire does not count"
    );
    Ok(())
}

/// What a term got acknowledged.
pub(super) type Acknowledged = Vec<Vec<u8>>;

/// Begins the term of `epoch`, and appends until something refuses. Tells what was acknowledged, and the error. A writer that
/// is shut out or in doubt must stay so (OW-3).
pub(super) async fn a_term(
    store: Arc<dyn OpLogStore>,
    epoch: u64,
) -> Outcome<(Acknowledged, Option<ErrorKind>)> {
    let mut acknowledged = Vec::new();
    let mut writer = match lead(&*store, epoch).await {
        Ok(writer) => writer,
        Err(error) => return Ok((acknowledged, Some(error.kind().clone()))),
    };
    for n in 0..3 {
        let payload = format!("{epoch}/{n}").into_bytes();
        match append(&mut *writer, &payload).await {
            Ok(_) => acknowledged.push(payload),
            Err(error) => {
                let kind = error.kind().clone();
                ensure_poisoned(&mut *writer, &kind).await?;
                return Ok((acknowledged, Some(kind)));
            }
        }
    }
    let marked = writer.mark_committed().await;
    let refused = marked.err().map(|error| error.kind().clone());
    Ok((acknowledged, refused))
}

/// Whether a writer that ended with `kind` refuses everything with it.
async fn ensure_poisoned(writer: &mut dyn OpLogWriter, kind: &ErrorKind) -> Outcome {
    if !matches!(kind, ErrorKind::Fenced | ErrorKind::Indeterminate) {
        return Ok(());
    }
    let again = append(writer, b"after the end").await;
    ensure_refused(again, kind, "an append of a poisoned writer")?;
    let mark = writer.mark_committed().await;
    ensure_refused(mark, kind, "a mark of a poisoned writer")
}

/// A log with a term behind it, and a handle on it over a wire.
pub(super) async fn begun(
    trial: &LogTrial,
) -> Outcome<(Place, Arc<dyn OpLogStore>, Arc<dyn Wire>)> {
    let log = trial.fresh().await?;
    let (_, refused) = a_term(log.open().await?, 1).await?;
    ensure!(refused.is_none(), "the first term was refused: {refused:?}");
    let (store, wire) = log.open_wired().await?;
    Ok((log, store, wire))
}

/// Whether everything acknowledged is there, once, for whoever reads after one more promotion.
async fn ensure_kept(log: &Place, acknowledged: &Acknowledged, when: &str) -> Outcome {
    let mut last = lead(&*log.open().await?, 9).await?;
    last.mark_committed().await?;
    let all = read_all(&*log.open().await?).await?;
    ensure_contiguous(&all, Position::genesis(cluster()))?;
    let found = payloads(&all)?;
    for payload in acknowledged {
        let count = found.iter().filter(|other| *other == payload).count();
        let text = String::from_utf8_lossy(payload);
        ensure!(
            count == 1,
            "{when}: acknowledged {text} is there {count} times"
        );
    }
    Ok(())
}

async fn h01_a_writer_held_between_any_two_calls_loses_nothing_it_acknowledges(
    trial: &LogTrial,
) -> Outcome {
    for call in calls(trial) {
        let when = format!("held at call {call}");
        let (log, store, wire) = begun(trial).await?;
        // Opening the handle was calls as well.
        wire.hold_at(wire.calls() + call);
        let term = beside(a_term(store, 2));
        let held = tokio::select! {
            () = wire.held() => true,
            () = ended(&term) => false,
        };
        let successor = if held {
            let (acknowledged, refused) = a_term(log.open().await?, 3).await?;
            ensure!(
                refused.is_none(),
                "{when}: the successor was refused: {refused:?}"
            );
            acknowledged
        } else {
            Vec::new()
        };
        wire.release();
        let (mut acknowledged, refused) = join(term)?;
        if held {
            let known = matches!(
                refused,
                None | Some(ErrorKind::Fenced | ErrorKind::Indeterminate)
            );
            ensure!(known, "{when}: it ended with {refused:?}");
        }
        acknowledged.extend(successor);
        ensure_kept(&log, &acknowledged, &when).await?;
        if !held {
            return ensure_counted(call);
        }
    }
    Ok(())
}

async fn h03_a_lost_answer_at_any_call_is_no_lost_entry(trial: &LogTrial) -> Outcome {
    for call in calls(trial) {
        let when = format!("answer lost at call {call}");
        let (log, store, wire) = begun(trial).await?;
        let lost = wire.calls() + call;
        wire.lose_answer_at(lost);
        let (mut acknowledged, _) = join(beside(a_term(store, 2)))?;
        let (more, refused) = a_term(log.open().await?, 3).await?;
        ensure!(
            refused.is_none(),
            "{when}: the successor was refused: {refused:?}"
        );
        acknowledged.extend(more);
        ensure_kept(&log, &acknowledged, &when).await?;
        if wire.calls() <= lost {
            return ensure_counted(call);
        }
    }
    Ok(())
}
