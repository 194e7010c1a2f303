//! The faults: a log under one of them does everything else as it should.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast::conformance::{LogTwist, SnapshotTwist};
use standfast::standfast_core::{
    Batch, Bounds, CatalogEntry, FenceToken, Fingerprint, OpLogStore, OpLogTail, OpLogWriter,
    Position, ReadLimit, Seq, SnapshotStore, TailEvent, TrimGuard, Usage, Won,
};
use standfast::{ErrorKind, Result};
use tokio::time::timeout;

use super::appends::{PageCache, Unsynced};

/// How often a tail that waits looks into the page cache.
const LOOK: Duration = Duration::from_millis(1);

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

/// Answers no append.
pub(super) struct Hangs;

#[async_trait]
impl LogTwist for Hangs {
    async fn append(&self, _writer: &mut dyn OpLogWriter, _batch: &Batch) -> Result<Position> {
        std::future::pending().await
    }
}

/// Acknowledges a batch that a crash still takes with it. As long as its writer lives everybody sees it.
#[derive(Default)]
pub(super) struct AcknowledgesBeforeSync(Mutex<Vec<Weak<tokio::sync::Mutex<PageCache>>>>);

impl AcknowledgesBeforeSync {
    /// What living writers have not synced.
    fn caches(&self) -> Vec<Arc<tokio::sync::Mutex<PageCache>>> {
        let caches = self.0.lock();
        caches.iter().filter_map(Weak::upgrade).collect()
    }

    /// Whoever looks sees it all.
    async fn write_back(&self) {
        for cache in self.caches() {
            // A writer that was shut out has lost it: that is the fault.
            drop(cache.lock().await.write_back().await);
        }
    }
}

#[async_trait]
impl LogTwist for AcknowledgesBeforeSync {
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        // Until the fence is there nobody acknowledges anything.
        let mut held = Vec::new();
        for cache in self.caches() {
            let mut cache = cache.lock_owned().await;
            drop(cache.write_back().await);
            held.push(cache);
        }
        let writer = Unsynced::new(store.open_writer(token).await?);
        drop(held);
        self.0.lock().push(writer.cache());
        Ok(Box::new(writer))
    }

    async fn bounds(&self, store: &dyn OpLogStore) -> Result<Bounds> {
        self.write_back().await;
        store.bounds().await
    }

    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        self.write_back().await;
        store.read(after, limit).await
    }

    async fn tail(&self, store: &dyn OpLogStore, after: Position) -> Result<Box<dyn OpLogTail>> {
        self.write_back().await;
        store.tail(after).await
    }

    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        loop {
            self.write_back().await;
            // Dropped, it loses nothing.
            if let Ok(event) = timeout(LOOK, tail.next()).await {
                return event;
            }
        }
    }

    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        self.write_back().await;
        store.trim(through, guard).await
    }

    async fn usage(&self, store: &dyn OpLogStore) -> Result<Option<Usage>> {
        self.write_back().await;
        store.usage().await
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

/// Does not deliver every thousandth batch of a tail.
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
    async fn tail(&self, store: &dyn OpLogStore, after: Position) -> Result<Box<dyn OpLogTail>> {
        *self.count.lock() = 0;
        store.tail(after).await
    }

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
