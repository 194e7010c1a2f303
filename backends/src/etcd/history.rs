use std::sync::Arc;
use std::time::Duration;

use etcd_client::{CompactionOptions, Error as EtcdError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::space::Space;
use standfast_core::Result;

/// Compacts the history of an etcd behind a writer: older versions of the head, and batches that were trimmed.
///
/// A mark is set at an append, and compacted to once it is old enough: between one and two times `after` behind what is
/// written. A standby that has not watched that far lists the log instead, and misses nothing.
#[derive(Debug)]
pub(super) struct History {
    after: Duration,
    mark: Option<Mark>,
    /// One compaction at most; given up with the writer.
    compacting: JoinSet<()>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    set: Instant,
    revision: i64,
}

impl History {
    pub(super) fn new(after: Duration) -> Self {
        Self {
            after,
            mark: None,
            compacting: JoinSet::new(),
        }
    }

    /// Something was written at this revision, or was to be: an etcd that is full of its history takes nothing before it is
    /// compacted. Returns at once: nobody waits for a compaction.
    pub(super) fn written(&mut self, space: &Arc<Space>, revision: Option<i64>) {
        let now = Instant::now();
        let next = revision.map(|revision| Mark { set: now, revision });
        let Some(mark) = self.mark else {
            self.mark = next;
            return;
        };
        if now.duration_since(mark.set) < self.after {
            return;
        }
        while self.compacting.try_join_next().is_some() {}
        if !self.compacting.is_empty() {
            return;
        }
        self.mark = next;
        let space = Arc::clone(space);
        self.compacting.spawn(async move {
            match compact(&space, mark.revision).await {
                Ok(()) => {}
                // The next one takes its place.
                Err(error) if error.retry() => tracing::debug!(%error, "not compacted this time"),
                Err(error) => tracing::warn!(%error, "the history is not compacted"),
            }
        });
    }
}

async fn compact(space: &Space, revision: i64) -> Result<()> {
    // It may take long, and a member that takes long is left: the writer's is not to be.
    let connection = space.connection().sibling();
    let compacted = connection.call("compact", |mut clients| async move {
        let logical = CompactionOptions::new();
        match clients.kv.compact(revision, Some(logical)).await {
            // Somebody else has done it, as this call may have when it was first made.
            Err(EtcdError::GRpcStatus(status)) if status.code() == tonic::Code::OutOfRange => {
                Ok(())
            }
            compacted => compacted.map(drop),
        }
    });
    compacted.await
}
