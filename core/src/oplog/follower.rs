use async_trait::async_trait;

use crate::batch::Batch;
use crate::error::Result;
use crate::words::{Epoch, Position, Seq};

/// Fills a node's own log with the primary's batches, byte for byte.
///
/// ```text
///   the primary's log   .. [c] [S] [d] [e]         S: the EpochStart of the epoch that is followed
///   own log before      .. [c] [x]                 x: of a term that ended, never committed
///   cut_after(c)        .. [c] [x]                 tail() is c; after a crash x is still the tail
///   append_verbatim(S)  .. [c] [S]                 x is gone, and saved
/// ```
///
/// * **FW-1** The epoch it was opened with is promised durably before it is opened. From then on, also after a restart,
///   every lower one is `Fenced`, and so is every writer of an epoch that is not higher. The same token opens it again.
/// * **FW-2** `append_verbatim` takes the batches that follow `tail()`, of the promised epoch or lower ones; the last one
///   once more, as the first of them, is `Ok` and not written; any other is `Gap`, and nothing is written.
/// * **FW-3** `cut_after` never cuts at or below what is committed, and only what another epoch wrote than the one that is
///   followed. It is one atomic write, made when the next batch comes, and what it cuts is saved before.
/// * **FW-4** Poisoned like [`crate::OpLogWriter`] (OW-3, OW-4).
/// * **FW-5** What it has stored is the log: after `mark_committed` readers see all of it, and the next writer settles it
///   whole, marked or not.
///
/// * **FW-6** A batch that it has stored proves those before it committed, as it does to readers, and nothing else does but
///   `mark_committed`: opening a follower or a writer proves nothing. So what was stored and is not proved may still be cut.
///
/// It may block the calling thread on the disk, as a writer may.
#[async_trait]
pub trait FollowerWriter: Send {
    /// The epoch it promised.
    fn epoch(&self) -> Epoch;

    /// End of the last batch that is synced here, or the Position that the log was cut back to.
    fn tail(&self) -> Position;

    /// Stores batches, several with no more syncs than a few: who is behind catches up faster than a primary writes.
    ///
    /// # Errors
    /// See FW-2 and FW-4; `Invalid` for a batch above the promised epoch, `Unsupported` beyond the declared limits, `Quota`
    /// when the store is full: nothing was written then, and it lives on.
    ///
    /// # Durability
    /// Durable, and proved unfenced, on `Ok`. After a crash the log holds the first of them, some or all or none.
    ///
    /// # Cancel safety
    /// Not cancel safe: counts as `Indeterminate`.
    async fn append_verbatim(&mut self, batches: &[Batch]) -> Result<Position>;

    /// Makes all up to [`Self::tail`] durable: what an earlier process stored last may be in memory alone. Proves nothing
    /// committed. Nothing to do behind a cut that is not made yet: a batch that another one follows is durable.
    ///
    /// # Errors
    /// As [`Self::append_verbatim`].
    ///
    /// # Durability
    /// Durable on `Ok`.
    ///
    /// # Cancel safety
    /// Not cancel safe: counts as `Indeterminate`.
    async fn sync(&mut self) -> Result<()>;

    /// Lets readers of this log see everything stored so far: the primary says that it is committed. Not needed between
    /// batches, where the next one says so.
    ///
    /// # Errors
    /// As [`Self::append_verbatim`].
    ///
    /// # Durability
    /// None needed: the next writer settles.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn mark_committed(&mut self) -> Result<()>;

    /// Cuts the log back to `position`, which is in it, with the next batch, and returns the name under which the cut
    /// batches were saved, or `None` when there were none. `committed` is what the primary knows committed.
    ///
    /// # Errors
    /// `Invalid` when `position` is not in the log, or something behind it is committed or of the epoch that is followed.
    ///
    /// # Durability
    /// What is cut is saved durably on `Ok`. The cut itself is durable with the next batch; after a crash either nothing is
    /// cut or everything.
    ///
    /// # Cancel safety
    /// A saved file may stay.
    async fn cut_after(&mut self, position: Position, committed: Seq) -> Result<Option<String>>;
}
