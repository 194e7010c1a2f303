//! The faults: a log under one of them does everything else as it should.

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast::conformance::{LogTwist, SnapshotTwist};
use standfast::standfast_core::{
    Batch, CatalogEntry, FenceToken, Fingerprint, OpLogStore, OpLogTail, OpLogWriter, Position,
    Seq, SnapshotStore, TailEvent, TrimGuard, Won,
};
use standfast::{ErrorKind, Result};

use super::appends::Unsynced;

/// Acknowledges what a writer appends that was shut out.
pub(super) struct ForgetsTheFence;

#[async_trait]
impl LogTwist for ForgetsTheFence {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        match writer.append(batch).await {
            Err(error) if *error.kind() == ErrorKind::Fenced => Ok(batch.end()),
            answer => answer,
        }
    }
}

/// Acknowledges a batch that a crash still takes with it.
pub(super) struct AcknowledgesBeforeSync;

#[async_trait]
impl LogTwist for AcknowledgesBeforeSync {
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        Ok(Box::new(Unsynced::new(store.open_writer(token).await?)))
    }
}

/// Tells a second cluster that the store is its own, and a second leader that it won the catalog's entry.
pub(super) struct SecondCreateWins;

#[async_trait]
impl LogTwist for SecondCreateWins {
    async fn init(&self, store: &dyn OpLogStore, cluster: Fingerprint) -> Result<()> {
        match store.init(cluster).await {
            Err(error) if *error.kind() == ErrorKind::Foreign => Ok(()),
            answer => answer,
        }
    }
}

#[async_trait]
impl SnapshotTwist for SecondCreateWins {
    async fn init(&self, store: &dyn SnapshotStore, cluster: Fingerprint) -> Result<()> {
        match store.init(cluster).await {
            Err(error) if *error.kind() == ErrorKind::Foreign => Ok(()),
            answer => answer,
        }
    }

    async fn win_entry(
        &self,
        store: &dyn SnapshotStore,
        token: &FenceToken,
        next: CatalogEntry,
    ) -> Result<Won> {
        match store.win_entry(token, next.clone()).await? {
            Won::No => Ok(Won::Yes(Box::new(next))),
            won @ Won::Yes(_) => Ok(won),
        }
    }
}

/// Does not deliver every thousandth batch.
#[derive(Default)]
pub(super) struct DropsOneInAThousand {
    count: Mutex<u64>,
}

impl DropsOneInAThousand {
    fn drop_some(&self, batches: &mut Vec<Batch>) {
        let mut count = self.count.lock();
        batches.retain(|_| {
            *count += 1;
            !count.is_multiple_of(1000)
        });
    }
}

#[async_trait]
impl LogTwist for DropsOneInAThousand {
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        let mut event = tail.next().await?;
        if let TailEvent::Batches(batches) = &mut event {
            self.drop_some(batches);
        }
        Ok(event)
    }
}

/// Asks nobody whether an entry is needed.
pub(super) struct TrimsPastAPin;

#[async_trait]
impl LogTwist for TrimsPastAPin {
    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        store.trim(through, &NothingNeeded(guard)).await
    }
}

struct NothingNeeded<'a>(&'a dyn TrimGuard);

#[async_trait]
impl TrimGuard for NothingNeeded<'_> {
    fn token(&self) -> &FenceToken {
        self.0.token()
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>> {
        Ok(None)
    }
}
