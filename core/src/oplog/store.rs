use async_trait::async_trait;

use super::{FollowerWriter, OpLogCapabilities, OpLogTail, OpLogWriter, Skip, Usage};
use crate::batch::Batch;
use crate::election::LogId;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;
use crate::words::{Epoch, FenceToken, Position, Seq};

/// An ordered, fenced log of batches.
///
/// ```text
///    before_floor
///          v floor                        tail
///          |   v                            v
///   . . . .| [41..44] [45..45] [46..60] [61..70] [71..75]? [76..80]?
///   trimmed|  first      committed batches         not committed: no reader sees them,
///                                                  the next writer settles them
///
///   fresh log:  floor = 1, before_floor = tail = genesis (seq 0)
///   trimmed :   floor = first entry still there; the last committed batch is never trimmed
///               before_floor = end of the batch before it, with its chain
/// ```
///
/// Rules that always hold:
///
/// * **OL-1** Seqs are dense: batch `n+1` begins at `n.last + 1`, and its `previous` is `n`'s chain.
/// * **OL-2** After `open_writer(token)` has returned, no append of a lower epoch is ever acknowledged, and
///   no such append becomes part of what readers see.
/// * **OL-3** On return of `open_writer` the tail is settled: every batch up to `writer.tail()` is durable by
///   this writer's own doing, or was known committed. All that any lower epoch acknowledged is in it.
/// * **OL-4** `open_writer` with an epoch that is not higher than any seen is `Fenced`, except the same epoch
///   with the same nonce, as long as that epoch has appended nothing.
/// * **OL-5** An acknowledged batch is read back, byte for byte, by every later reader, until it is trimmed.
/// * **OL-6** Readers and tails deliver committed batches only, in order, without gap, each once.
/// * **OL-7** Reading from below the floor is `Trimmed`; from a Position whose chain is not in the log's
///   history, or beyond its tail, is `LogRegressed`; both before any batch is delivered.
/// * **OL-8** `trim` never removes a committed batch above `through`, the last committed batch, or one at or
///   above what the guard still needs. It is idempotent and may be cut at any point.
/// * **OL-9** A batch beyond the declared limits is refused whole as `Unsupported`, before it is written.
/// * **OL-10** Data of another cluster are `Foreign`, of an unknown format `Version`; damage at or below what
///   is known committed is `Corrupt` and names the place. None of them is ever skipped over.
/// * **OL-11** Reading from `before_floor` delivers everything that is still there, the entry `floor` first,
///   unless the log is trimmed meanwhile.
/// * **OL-12** After `begin_at` every lower epoch is shut out, and what any of them wrote is no history any more:
///   `before_floor` and `tail` are the Position given, and reading from below it is `Trimmed`.
/// * **OL-13** What `skip` has recorded is told by `skips` for good, whatever is trimmed.
/// * **OL-14** Where `usage` is told, it grows with what is appended and falls with what is trimmed. A store takes
///   batches beyond its own limit: the leader is the one who stops, so that the next term can still begin.
/// * **OL-15** `log_id` is drawn once for each place, and lost with what is in it: a log that was emptied has another.
#[async_trait]
pub trait OpLogStore: Store {
    /// What it declares.
    fn capabilities(&self) -> OpLogCapabilities;

    /// The ends of the log as far as this process can tell.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn bounds(&self) -> Result<Bounds>;

    /// How much room the log takes, and how much it may take; looked at often. `None`, as by default, where the store
    /// cannot tell: then its size limits nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn usage(&self) -> Result<Option<Usage>> {
        Ok(None)
    }

    /// Shuts out every lower epoch, settles the tail, and only then returns (R1).
    ///
    /// # Errors
    /// `Fenced` when a higher epoch is there; `Corrupt`, `Gap`, `LogRegressed`: fail closed; `Quota`,
    /// `Unavailable`: nothing serves.
    ///
    /// # Durability
    /// The fence and the settled tail are durable on return.
    ///
    /// # Cancel safety
    /// The fence may stay. The same token may be used again.
    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>>;

    /// Begins the log anew behind `position`, in the place of one that lost what is known committed: only on an
    /// operator's word. What was there is kept aside where the store can, and is never read again. Open the writer with
    /// the same token afterwards.
    ///
    /// # Errors
    /// `Fenced` as [`Self::open_writer`]; `Unsupported` where the store cannot begin anywhere but at genesis, as by
    /// default: then only a new cluster can be begun.
    ///
    /// # Durability
    /// The fence, then the beginning are durable on return.
    ///
    /// # Cancel safety
    /// The fence may stay. May or may not have happened; call again.
    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        Err(
            Error::new(ErrorKind::Unsupported, "begin log").context(format!(
                "a log of type `{}` cannot begin at {position}, as epoch {} wants",
                self.name(),
                token.epoch
            )),
        )
    }

    /// Records that an entry is to be passed over, and shuts out every lower epoch: only on an operator's word.
    ///
    /// # Errors
    /// `Fenced` as [`Self::open_writer`]; `Unsupported` where the store cannot keep it, as by default.
    ///
    /// # Durability
    /// The fence, then the record are durable on return.
    ///
    /// # Cancel safety
    /// The fence may stay. May or may not have happened; call again.
    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        Err(
            Error::new(ErrorKind::Unsupported, "skip entry").context(format!(
                "a log of type `{}` cannot keep that entry {} is passed over, as epoch {} wants",
                self.name(),
                skip.seq,
                token.epoch
            )),
        )
    }

    /// What [`Self::skip`] has recorded: hand it to the state before it follows the log. Nothing by default.
    ///
    /// # Errors
    /// `Corrupt`, `Version`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn skips(&self) -> Result<Vec<Skip>> {
        Ok(Vec::new())
    }

    /// Opens this node's own log to be filled with the batches of the primary that `token` is of. Only where
    /// [`OpLogCapabilities::follower`] is declared.
    ///
    /// # Errors
    /// `Unsupported` when not declared; else as [`Self::open_writer`], `Fenced` by FW-1.
    ///
    /// # Durability
    /// The epoch of `token` is promised durably on return.
    ///
    /// # Cancel safety
    /// The promise may stay. The same token may be used again.
    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>>;

    /// Which disk this log is on (OL-15): a node's seat among those that hold the log. Drawn when it is asked for the first
    /// time. Only where [`OpLogCapabilities::follower`] is declared.
    ///
    /// # Errors
    /// `Unsupported` when not declared, as by default; `NotFound` before `init`; `Corrupt`, `Version`, `Unavailable`.
    ///
    /// # Durability
    /// Durable on return.
    ///
    /// # Cancel safety
    /// May or may not be drawn; call again.
    async fn log_id(&self) -> Result<LogId> {
        Err(
            Error::new(ErrorKind::Unsupported, "log id").context(format!(
                "a log of type `{}` is not filled by its node alone: it has no id of its own",
                self.name()
            )),
        )
    }

    /// Committed batches after `after`, as many as `limit` allows, at least one if there is one.
    ///
    /// # Errors
    /// `Trimmed`, `LogRegressed` (OL-7), `Corrupt`, `Gap`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>>;

    /// Follows the log from `after` on.
    ///
    /// # Errors
    /// As [`Self::read`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>>;

    /// Removes batches whose last entry is at or below `through`: writes the floor, THEN asks the guard, THEN
    /// deletes below the lowest that is needed (R8). Returns the new floor. A store whose floor and deletions are one atomic
    /// write asks the guard before it: whoever pins in between finds the floor and begins again.
    ///
    /// # Errors
    /// `Fenced` when the guard's token is not the highest epoch; `Unavailable`.
    ///
    /// # Durability
    /// The floor is durable before anything is deleted.
    ///
    /// # Cancel safety
    /// May be cut anywhere; call again.
    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq>;
}

/// The ends of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// First entry that is still there; 1 in a fresh log.
    pub floor: Seq,
    /// End of the batch before that one: read on from here to read all there is. Genesis in a fresh log.
    pub before_floor: Position,
    /// End of the last batch known committed.
    pub tail: Position,
    /// Highest epoch that was ever let in.
    pub epoch: Epoch,
}

/// How much a read may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Batches at most.
    pub batches: usize,
    /// Bytes at most, but always one batch.
    pub bytes: usize,
}

impl ReadLimit {
    /// One batch, or none: a look at what follows a Position, or whether that is in the log.
    pub const ONE: Self = Self {
        batches: 1,
        bytes: 1,
    };
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self {
            batches: 1024,
            bytes: 8 << 20,
        }
    }
}

/// Who trims, and what must stay.
#[async_trait]
pub trait TrimGuard: Send + Sync {
    /// The leader's token.
    fn token(&self) -> &FenceToken;

    /// The lowest entry that a pin or a restore in progress still needs; asked after the floor was written.
    ///
    /// # Errors
    /// Any: nothing is deleted then.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn lowest_needed(&self) -> Result<Option<Seq>>;
}
