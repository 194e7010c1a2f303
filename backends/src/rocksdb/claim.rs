use rocksdb::{DB, WriteBatch};

use super::database::{meta, open};
use super::error::{corrupt, database_error, error};
use super::options::synced;
use super::records::{CommittedRecord, FenceRecord, Single};
use super::space::Space;
use super::view::View;
use crate::record::encode;
use standfast_core::{ErrorKind, FenceToken, Position, Result};

/// How a term begins.
///
/// ```text
///   take the LOCK     nobody else writes from here on; what the write-ahead log held is written out to files, synced
///   compare           the fence must be lower than the token, or its own with nothing appended
///   look              every batch since the last mark follows the one before it, up to the end
///   write, synced     the fence, where the log ends: settled, and up to where it is known committed
/// ```
///
/// The lock keeps others out while it is held; the fence keeps an older epoch out that takes it later.
pub(super) struct Claim {
    pub(super) db: DB,
    pub(super) fence: FenceRecord,
    /// End of what is known committed.
    pub(super) committed: Position,
    /// End of the last batch.
    pub(super) end: Position,
}

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The holder of the token.
    Writer,
    /// One that stores what the holder of the token sends, perhaps not for the first time.
    Follower,
}

impl Claim {
    /// Takes the lock and lets `token` in, together with what `more` adds to the same write. What is not known committed
    /// stays so: where each node has a log of its own, this one may end with what no other has.
    ///
    /// # Errors
    /// `Fenced`, `Foreign`; `Corrupt` when the log does not hold what it must; else as [`open`].
    pub(super) fn make(
        space: &Space,
        token: &FenceToken,
        role: Role,
        operation: &'static str,
        more: impl FnOnce(&DB, &mut WriteBatch) -> Result<()>,
    ) -> Result<Self> {
        let db = open(operation, space.dir(), space.tuning())?;
        let (end, committed) = {
            let view = View::still(&db, space.dir());
            check(&view, token, role, operation)?;
            (look(&view, space)?, view.committed()?)
        };
        let mut batch = WriteBatch::default();
        more(&db, &mut batch)?;
        let settled = match role {
            Role::Writer => end,
            // It may cut what is not committed.
            Role::Follower => committed,
        };
        let fence = FenceRecord::of(token, settled);
        lay(space, &db, batch, &fence, committed, operation)?;
        Ok(Self {
            db,
            fence,
            committed,
            end,
        })
    }
}

/// Writes a fence and what is known committed, and `batch` with them.
pub(super) fn lay(
    space: &Space,
    db: &DB,
    mut batch: WriteBatch,
    fence: &FenceRecord,
    committed: Position,
    operation: &'static str,
) -> Result<()> {
    let committed = CommittedRecord {
        position: committed,
    };
    batch.put_cf(meta(db), FenceRecord::KEY, encode(fence)?);
    batch.put_cf(meta(db), CommittedRecord::KEY, encode(&committed)?);
    db.write_opt(batch, &synced())
        .map_err(|source| database_error(operation, space.dir(), source))
}

/// Whether `token` may be let in (OL-4).
///
/// # Errors
/// `Fenced`, `Foreign`.
pub(super) fn check(
    view: &View<'_>,
    token: &FenceToken,
    role: Role,
    operation: &'static str,
) -> Result<()> {
    view.owned_by(token, operation)?;
    let Some(fence) = view.record::<FenceRecord>()? else {
        return Ok(());
    };
    let again = fence.is_of(token);
    if token.epoch < fence.epoch || (token.epoch == fence.epoch && !again) {
        return Err(error(ErrorKind::Fenced, operation).context(format!(
            "epoch {} is not higher than {}",
            token.epoch, fence.epoch
        )));
    }
    if role == Role::Writer && again && view.end()?.epoch == fence.epoch {
        return Err(error(ErrorKind::Fenced, operation).context(format!(
            "epoch {} has appended already: reopen under a higher one",
            token.epoch
        )));
    }
    Ok(())
}

/// Looks at all that came since the last mark, and returns where the log ends. A term may be long, and marks are never far
/// from its end.
///
/// # Errors
/// `Corrupt` when a batch does not follow the one before it, or when what was settled or committed is not there.
fn look(view: &View<'_>, space: &Space) -> Result<Position> {
    let settled = view.record::<FenceRecord>()?.map(|fence| fence.settled);
    let committed = view.record::<CommittedRecord>()?.map(|mark| mark.position);
    let mut end = view.floor()?;
    for position in [settled, committed].into_iter().flatten() {
        must_hold(view, space, position)?;
        if position.seq > end.seq {
            end = position;
        }
    }
    for batch in view.batches_from(end.seq.next()) {
        let batch = batch?;
        if !batch.follows(end) {
            let what = format!(
                "batch {} does not follow {end}: something between them is gone",
                batch.first()
            );
            return Err(corrupt("open writer", space.dir(), &what));
        }
        end = batch.end();
    }
    Ok(end)
}

/// Whether the log holds what a record says it holds.
fn must_hold(view: &View<'_>, space: &Space, position: Position) -> Result<()> {
    match view.find(position) {
        Err(error) if *error.kind() == ErrorKind::LogRegressed => {
            let what = format!("{position} was committed, and the log does not hold it");
            Err(corrupt("open writer", space.dir(), &what).source(error))
        }
        Err(error) if matches!(error.kind(), ErrorKind::Trimmed { .. }) => Ok(()),
        found => found,
    }
}
