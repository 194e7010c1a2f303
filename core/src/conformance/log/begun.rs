use async_trait::async_trait;

use super::parts::{Guard, append, ensure_refused, fill, lead, payloads, read_after, skip};
use super::trial::{LogTrial, outlived};
use super::twist::LogTwist;
use super::{Log, begins_anew, keeps_skips};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::token;
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, ReadLimit, Skip};
use crate::words::{Chain, Epoch, FenceToken, Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            a_log_begun_anew_holds_nothing_of_lower_epochs,
            ["OL-12", "OL-7"],
            needs [begins_anew],
            twin BeginsNothing
        ),
        case!(
            h21_what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out,
            ["OL-13", "h21"],
            needs [keeps_skips],
            twin ForgetsSkips
        ),
    ]
}

/// Says that it began anew, and did not.
pub(super) struct BeginsNothing;

#[async_trait]
impl LogTwist for BeginsNothing {
    async fn begin_at(
        &self,
        _store: &dyn OpLogStore,
        _token: &FenceToken,
        _position: Position,
    ) -> Result<()> {
        Ok(())
    }
}

async fn a_log_begun_anew_holds_nothing_of_lower_epochs(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut old = lead(&*store, 1).await?;
    append(&mut *old, b"old").await?;
    old.mark_committed().await?;
    let end = old.tail();
    let begin = Position {
        epoch: Epoch(2),
        seq: Seq(50),
        chain: Chain::of(b"a snapshot"),
    };
    let zombie = outlived(&*store, old);
    store.begin_at(&token(4), begin).await?;
    if let Some(mut zombie) = zombie {
        let late = append(&mut *zombie, b"late").await;
        ensure_refused(late, &ErrorKind::Fenced, "a zombie's append")?;
    }
    let lower = store.begin_at(&token(3), begin).await;
    ensure_refused(
        lower,
        &ErrorKind::Fenced,
        "beginning anew under a lower epoch",
    )?;
    store.begin_at(&token(4), begin).await?;
    for store in [store, log.open().await?] {
        let bounds = store.bounds().await?;
        ensure_eq!(
            (bounds.floor, bounds.epoch),
            (Seq(51), Epoch(4)),
            "floor and epoch"
        );
        ensure_eq!(
            (bounds.before_floor, bounds.tail),
            (begin, begin),
            "the ends"
        );
        let elsewhere = Position {
            chain: Chain::of(b"another"),
            ..begin
        };
        let trimmed = ErrorKind::Trimmed { floor: Seq(51) };
        for (after, kind) in [(end, trimmed), (elsewhere, ErrorKind::LogRegressed)] {
            let read = store.read(after, ReadLimit::default()).await;
            ensure_refused(read, &kind, &format!("reading after {after}"))?;
        }
    }

    let mut writer = lead(&*log.open().await?, 4).await?;
    append(&mut *writer, b"new").await?;
    writer.mark_committed().await?;
    drop(writer);
    let mut next = lead(&*log.open().await?, 5).await?;
    append(&mut *next, b"newer").await?;
    next.mark_committed().await?;
    let read = payloads(&read_after(&*log.open().await?, begin).await?)?;
    ensure_eq!(
        read,
        [b"new".to_vec(), b"newer".to_vec()],
        "what is in the log"
    );
    let below = log.open().await?.read(end, ReadLimit::default()).await;
    let trimmed = ErrorKind::Trimmed { floor: Seq(51) };
    ensure_refused(below, &trimmed, "reading what was there before")
}

/// Takes the word and forgets it.
struct ForgetsSkips;

#[async_trait]
impl LogTwist for ForgetsSkips {
    async fn skip(&self, _store: &dyn OpLogStore, _token: &FenceToken, _skip: &Skip) -> Result<()> {
        Ok(())
    }
}

async fn h21_what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out(
    trial: &LogTrial,
) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    ensure_eq!(store.skips().await?, [], "what a fresh log skips");
    let old = outlived(&*store, lead(&*store, 1).await?);
    store.skip(&token(2), &skip(2)?).await?;
    if let Some(mut old) = old {
        let late = append(&mut *old, b"late").await;
        ensure_refused(late, &ErrorKind::Fenced, "a zombie's append")?;
    }
    store.skip(&token(2), &skip(2)?).await?;
    let lower = store.skip(&token(1), &skip(1)?).await;
    ensure_refused(lower, &ErrorKind::Fenced, "skipping under a lower epoch")?;
    store.skip(&token(3), &skip(3)?).await?;
    let mut writer = lead(&*store, 4).await?;
    fill(&mut *writer, 20).await?;
    store.trim(Seq(u64::MAX), &Guard::of(4)).await?;
    drop(writer);
    let told = log.open().await?.skips().await?;
    let wanted = [skip(2)?, skip(3)?];
    ensure_eq!(told, wanted, "what is skipped, after all was trimmed");
    Ok(())
}
