use async_trait::async_trait;

use super::parts::{append, ensure_contiguous, ensure_refused, lead};
use super::trial::LogTrial;
use super::twist::LogTwist;
use super::{Log, damaged};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::damage::Damage;
use crate::conformance::failure::{Failure, Outcome};
use crate::conformance::parts::cluster;
use crate::error::{Error, ErrorKind, Result};
use crate::oplog::{OpLogStore, ReadLimit, TailEvent};
use crate::words::Position;

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h14_damage_is_corrupt_and_never_passed_over,
            ["OL-10", "OL-6", "h14"],
            needs [damaged],
            twin EndsWhereItIsDamaged
        ),
        case!(
            h23_what_a_later_version_wrote_is_told_as_such,
            ["OL-10", "h23"],
            needs [damaged],
            twin EndsWhereItIsDamaged
        ),
    ]
}

/// Takes what it cannot read for the end of the log.
struct EndsWhereItIsDamaged;

#[async_trait]
impl LogTwist for EndsWhereItIsDamaged {
    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        match store.read(after, limit).await {
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version) => {
                Ok(Vec::new())
            }
            answer => answer,
        }
    }
}

/// Reads until it is refused.
async fn read_to_the_damage(store: &dyn OpLogStore) -> Outcome<Error> {
    let mut position = Position::genesis(cluster());
    loop {
        match store.read(position, ReadLimit::default()).await {
            Ok(batches) if batches.is_empty() => {
                return Err(Failure::new(format!(
                    "the log is said to end at {position}"
                )));
            }
            Ok(batches) => position = ensure_contiguous(&batches, position)?,
            Err(error) => return Ok(error),
        }
    }
}

/// Follows until it is refused.
async fn follow_to_the_damage(store: &dyn OpLogStore) -> Outcome<Error> {
    let mut position = Position::genesis(cluster());
    let mut tail = match store.tail(position).await {
        Ok(tail) => tail,
        Err(error) => return Ok(error),
    };
    loop {
        match tail.next().await {
            Ok(TailEvent::Batches(batches)) => position = ensure_contiguous(&batches, position)?,
            Ok(other) => return Err(Failure::new(format!("at {position} came {other:?}"))),
            Err(error) => return Ok(error),
        }
    }
}

/// Damages a log, and asks whether everybody is told.
async fn ensure_told(trial: &LogTrial, how: Damage, kind: &ErrorKind) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    for n in 0..5_u8 {
        append(&mut *writer, &[n; 100]).await?;
    }
    writer.mark_committed().await?;
    drop(writer);
    log.damage(how).await?;
    let store = log.open().await?;
    let read: Result<()> = Err(read_to_the_damage(&*store).await?);
    ensure_refused(read, kind, "reading")?;
    let followed: Result<()> = Err(follow_to_the_damage(&*store).await?);
    ensure_refused(followed, kind, "following")
}

async fn h14_damage_is_corrupt_and_never_passed_over(trial: &LogTrial) -> Outcome {
    ensure_told(trial, Damage::Rot, &ErrorKind::Corrupt).await
}

async fn h23_what_a_later_version_wrote_is_told_as_such(trial: &LogTrial) -> Outcome {
    ensure_told(trial, Damage::Newer, &ErrorKind::Version).await
}
