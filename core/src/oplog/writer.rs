use async_trait::async_trait;

use super::ReadLimit;
use crate::batch::Batch;
use crate::error::Result;
use crate::words::{Epoch, Position};

/// The one writer of a term. Exists only as the result of fencing (R1).
///
/// * **OW-1** `append` takes the batch that follows `tail()`; any other is `Gap`, and nothing is written.
/// * **OW-2** Its answer is one of four (R3): `Ok` durable and fence-checked · `NotWritten` provably not there,
///   send the same batch again · `Indeterminate` · `Fenced`.
/// * **OW-3** After `Indeterminate` and `Fenced` the writer is poisoned: every further call is refused with the
///   same kind, and nothing is written any more.
/// * **OW-4** A failed sync is `Indeterminate`; it is never tried again.
/// * **OW-5** An `append` whose future was dropped counts as `Indeterminate`.
///
/// Methods may block the calling thread on the disk: a writer is driven from a thread of its own, not from
/// an async worker. That saves a thread hop per sync, which is a third of its time.
#[async_trait]
pub trait OpLogWriter: Send {
    /// Its term.
    fn epoch(&self) -> Epoch;

    /// End of the last batch that is durable: settled, or appended since.
    fn tail(&self) -> Position;

    /// Whether all that the terms before acknowledged is there. Always, as by default, where the log outlives its terms.
    fn complete(&self) -> bool {
        true
    }

    /// Batches of the settled tail after `after`, up to [`Self::tail`]: what the promoted node drains. They
    /// may lie above what was committed before; fencing and settling made them part of history. At least one while there are
    /// any, and perhaps fewer than the limit, as a slow store sees fit: ask again from where they end.
    ///
    /// # Errors
    /// As [`crate::OpLogStore::read`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>>;

    /// Appends one batch. Within, a lost answer is resolved by sending the same bytes again (R3).
    ///
    /// # Errors
    /// See OW-2; `Unsupported` beyond the declared limits, `Quota` when the store is full: nothing was
    /// written then, and the writer lives on.
    ///
    /// # Durability
    /// Durable, and proved unfenced, on `Ok`.
    ///
    /// # Cancel safety
    /// Not cancel safe: see OW-5.
    async fn append(&mut self, batch: &Batch) -> Result<Position>;

    /// Lets followers see everything appended so far, when no batch follows at once to carry the watermark.
    /// Nothing to do where presence in the store means committed.
    ///
    /// # Errors
    /// As for `append`. After those that leave the writer alive it is called again, and appending goes on meanwhile.
    ///
    /// # Durability
    /// None needed: the next writer settles.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn mark_committed(&mut self) -> Result<()>;

    /// Gives the writer up in good order. The fence stays.
    ///
    /// # Errors
    /// What the last mark met.
    ///
    /// # Cancel safety
    /// Cancel safe; dropping a writer is also correct.
    async fn close(self: Box<Self>) -> Result<()>;
}
