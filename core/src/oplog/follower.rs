use async_trait::async_trait;

use crate::batch::Batch;
use crate::error::Result;
use crate::words::{Epoch, Position, Seq};

/// Fills a node's own log with the primary's batches, byte for byte.
///
/// * **FW-1** The epoch it was opened with is promised durably before its first acknowledgement; batches handed
///   over by a lower epoch are `Fenced` from then on, also after a restart.
/// * **FW-2** `append_verbatim` takes the batch that follows `tail()`; a batch that is there already is `Ok`,
///   another one in its place is `LogRegressed`.
/// * **FW-3** `cut_after` never cuts at or below `committed`, is one atomic write, and saves what it cuts.
/// * **FW-4** Poisoned like [`crate::OpLogWriter`] (OW-3, OW-4).
#[async_trait]
pub trait FollowerWriter: Send {
    /// The epoch it promised.
    fn epoch(&self) -> Epoch;

    /// End of the last batch that is synced here.
    fn tail(&self) -> Position;

    /// Stores one batch.
    ///
    /// # Errors
    /// See FW-1, FW-2, FW-4; `Quota`.
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// Not cancel safe: counts as `Indeterminate`.
    async fn append_verbatim(&mut self, batch: &Batch) -> Result<Position>;

    /// Cuts the log back to `position`, which is in it, and returns the name under which the cut batches were
    /// saved, or `None` when there were none.
    ///
    /// # Errors
    /// `Invalid` when `position` is below `committed` or not in the log.
    ///
    /// # Durability
    /// Durable on `Ok`; after a crash either nothing is cut or everything.
    ///
    /// # Cancel safety
    /// Not cancel safe: counts as `Indeterminate`.
    async fn cut_after(&mut self, position: Position, committed: Seq) -> Result<Option<String>>;
}
