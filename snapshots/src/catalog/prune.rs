use standfast_core::{Listed, Result, Span};

use super::cataloguer::Cataloguer;
use crate::metrics;
use crate::policy::SnapshotPolicy;

/// What pruning did, or would do.
#[derive(Debug)]
pub struct Pruned {
    /// Snapshots that are not listed any more, oldest first.
    pub retired: Vec<Listed>,
    /// Objects deleted from the store. What a restore in progress holds is deleted by a later round.
    pub deleted_objects: u64,
}

impl Cataloguer {
    /// A round by other limits than the policy's, once: retires what they do not keep, then deletes. What
    /// `min_verified` keeps stays whatever they say.
    ///
    /// # Errors
    /// As [`Self::round`]. When deleting fails, the snapshots are retired all the same, and the next round deletes.
    ///
    /// # Cancel safety
    /// As [`Self::round`].
    pub async fn prune(&mut self, keep: usize, keep_for: Span) -> Result<Pruned> {
        let policy = self.limited(keep, keep_for);
        let settled = self.settle_entry(&policy).await?;
        metrics::catalog(&settled.entry);
        self.collect_due = true;
        let deleted_objects = self.collect(&settled.entry).await.map_err(|error| {
            let retired = settled.retired.len();
            error.context(format!("{retired} snapshots were retired, not deleted yet"))
        })?;
        self.collect_due = false;
        Ok(Pruned {
            retired: settled.retired,
            deleted_objects,
        })
    }

    /// What [`Self::prune`] would retire now.
    ///
    /// # Errors
    /// As [`Self::round`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn would_prune(&mut self, keep: usize, keep_for: Span) -> Result<Pruned> {
        let policy = self.limited(keep, keep_for);
        let newest = self.newest().await?;
        let draft = self.draft(newest.as_ref(), &policy).await?;
        Ok(Pruned {
            retired: draft.retired,
            deleted_objects: 0,
        })
    }

    fn limited(&self, keep: usize, keep_for: Span) -> SnapshotPolicy {
        SnapshotPolicy {
            keep,
            keep_for,
            ..self.policy.clone()
        }
    }
}
