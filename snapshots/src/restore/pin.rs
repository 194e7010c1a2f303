use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use standfast_core::{ErrorKind, Result, Seq, SnapshotId, SnapshotStore};

use crate::metrics;

/// Holds a snapshot, and the log behind it, until the suffix was replayed.
///
/// Where the store has no room for it, the restore goes on without, and every renewal tries to write it again. Only a
/// leader that wins an entry collects, which takes room too; a restore that loses a part to one tries another snapshot.
/// So it is for a tool that may only read ([`Restorer::even_unpinned`](super::Restorer::even_unpinned)).
///
/// Dropping it without [`Self::release`] leaves the pin in the store, where it ages and is taken away by the leader:
/// that is what a node that dies leaves.
#[derive(Debug)]
#[must_use = "release it when the log's suffix was replayed"]
pub struct RestorePin {
    store: Arc<dyn SnapshotStore>,
    snapshot: SnapshotId,
    seq: Seq,
    holder: String,
    /// Whether there may be something to take back.
    written: AtomicBool,
}

impl RestorePin {
    pub(super) async fn take(
        store: &Arc<dyn SnapshotStore>,
        (snapshot, seq): (&SnapshotId, Seq),
        holder: &str,
        even_unpinned: bool,
    ) -> Result<Self> {
        let written = match store.pin(snapshot, seq, holder).await {
            Ok(()) => true,
            Err(error) if *error.kind() == ErrorKind::Quota => {
                metrics::failed("pin", &error);
                tracing::warn!(%error, %snapshot, "there is no room for a pin; reading the snapshot without one");
                false
            }
            Err(error) if *error.kind() == ErrorKind::Auth && even_unpinned => {
                tracing::warn!(%error, %snapshot, "no pin may be written; reading the snapshot without one");
                false
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            store: Arc::clone(store),
            snapshot: snapshot.clone(),
            seq,
            holder: holder.to_owned(),
            written: AtomicBool::new(written),
        })
    }

    /// What it holds.
    pub const fn snapshot(&self) -> &SnapshotId {
        &self.snapshot
    }

    /// The log after this entry is held too.
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// Makes it young again.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again.
    async fn renew(&self) -> Result<()> {
        self.store
            .pin(&self.snapshot, self.seq, &self.holder)
            .await?;
        self.written.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Renews it, three times in `expiry`, while `work` is done.
    ///
    /// # Cancel safety
    /// As `work`.
    pub async fn keep<T>(&self, expiry: Duration, work: impl Future<Output = T>) -> T {
        let every = (expiry / 3).max(Duration::from_millis(1));
        let renewing = async {
            let mut ticks = tokio::time::interval(every);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                if let Err(error) = self.renew().await {
                    tracing::warn!(%error, snapshot = %self.snapshot, "cannot renew a pin");
                }
            }
        };
        // A renewal may or may not have happened, and is not awaited again.
        tokio::select! {
            done = work => done,
            never = renewing => never,
        }
    }

    /// Takes it back.
    ///
    /// # Errors
    /// Those of the store: the pin then ages until the leader takes it away.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    pub async fn release(self) -> Result<()> {
        if !self.written.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.store.unpin(&self.snapshot, &self.holder).await
    }

    /// The same for whoever has what it wanted: one that cannot be taken back is told of, and ages.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    pub async fn let_go(self) {
        if let Err(error) = self.release().await {
            tracing::warn!(%error, "a pin stays behind, holds the log, and ages");
        }
    }
}
