use async_trait::async_trait;

use super::Log;
use super::parts::{append, batch, ensure_refused, lead, read_after};
use super::trial::LogTrial;
use super::twist::LogTwist;
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::cluster;
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogTail, ReadLimit};
use crate::words::{Epoch, Position};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            a_position_of_another_history_is_regressed,
            ["OL-7"],
            needs [],
            twin BelievesAnyPosition
        ),
        case!(
            a_read_keeps_its_limits_but_gives_one_batch,
            ["OL-6"],
            needs [],
            twin ReadsAll
        ),
    ]
}

/// Answers "nothing more" where the history is another.
struct BelievesAnyPosition;

#[async_trait]
impl LogTwist for BelievesAnyPosition {
    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        match store.read(after, limit).await {
            Err(error) if *error.kind() == ErrorKind::LogRegressed => Ok(Vec::new()),
            answer => answer,
        }
    }

    async fn tail(&self, store: &dyn OpLogStore, after: Position) -> Result<Box<dyn OpLogTail>> {
        match store.tail(after).await {
            Err(error) if *error.kind() == ErrorKind::LogRegressed => {
                store.tail(store.bounds().await?.tail).await
            }
            answer => answer,
        }
    }
}

async fn a_position_of_another_history_is_regressed(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    append(&mut *writer, b"a").await?;
    let there = writer.tail();
    append(&mut *writer, b"b").await?;
    writer.mark_committed().await?;
    let genesis = Position::genesis(cluster());
    let elsewhere = Position {
        chain: batch(Epoch(1), genesis, &[b"other"])?.end().chain,
        ..there
    };
    let beyond = batch(Epoch(1), writer.tail(), &[b"never written"])?.end();
    for store in [store, log.open().await?] {
        for wrong in [elsewhere, beyond] {
            let read = store.read(wrong, ReadLimit::default()).await;
            let what = format!("reading after {wrong}, which is not in the log");
            ensure_refused(read, &ErrorKind::LogRegressed, &what)?;
            let tail = store.tail(wrong).await;
            let what = format!("following from {wrong}, which is not in the log");
            ensure_refused(tail, &ErrorKind::LogRegressed, &what)?;
        }
        let rest = read_after(&*store, writer.tail()).await?;
        ensure_eq!(rest, Vec::new(), "what follows the tail");
    }
    Ok(())
}

/// Knows no limit.
struct ReadsAll;

#[async_trait]
impl LogTwist for ReadsAll {
    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        _limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        let limit = ReadLimit {
            batches: usize::MAX,
            bytes: usize::MAX,
        };
        store.read(after, limit).await
    }
}

async fn a_read_keeps_its_limits_but_gives_one_batch(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    let begin = writer.tail();
    for n in 0..10_u8 {
        append(&mut *writer, &[n; 1000]).await?;
    }
    writer.mark_committed().await?;
    for (batches, bytes, wanted) in [
        (3, usize::MAX, 3),
        (100, 1, 1),
        (100, 2500, 2),
        (100, usize::MAX, 10),
    ] {
        let limit = ReadLimit { batches, bytes };
        let read = store.read(begin, limit).await?.len();
        ensure_eq!(read, wanted, "batches read with {limit:?}");
    }
    Ok(())
}
