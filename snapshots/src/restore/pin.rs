use std::sync::Arc;

use standfast_core::{Result, Seq, SnapshotId, SnapshotStore};

/// Holds a snapshot, and the log behind it, until the suffix was replayed.
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
}

impl RestorePin {
    pub(super) async fn take(
        store: &Arc<dyn SnapshotStore>,
        snapshot: &SnapshotId,
        seq: Seq,
        holder: &str,
    ) -> Result<Self> {
        store.pin(snapshot, seq, holder).await?;
        Ok(Self {
            store: Arc::clone(store),
            snapshot: snapshot.clone(),
            seq,
            holder: holder.to_owned(),
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

    /// Makes it young again. Call it every few minutes while the suffix is replayed.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again.
    pub async fn renew(&self) -> Result<()> {
        self.store.pin(&self.snapshot, self.seq, &self.holder).await
    }

    /// Takes it back.
    ///
    /// # Errors
    /// Those of the store: the pin then ages until the leader takes it away.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    pub async fn release(self) -> Result<()> {
        self.store.unpin(&self.snapshot, &self.holder).await
    }
}
