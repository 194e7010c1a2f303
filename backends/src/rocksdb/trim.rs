use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rocksdb::{CompactOptions, DB, FlushOptions, WriteBatch};

use super::database::{batches, meta};
use super::error::database_error;
use super::layout::batch_key;
use super::records::{FloorRecord, Single};
use super::space::Space;
use super::view::View;
use crate::off_thread::off_thread;
use crate::record::encode;
use standfast_core::{FenceToken, Position, Result, Seq, TrimGuard};

const OPERATION: &str = "trim";

/// Removes batches: asks the guard, THEN writes the new floor and the removal as one write, THEN writes out what is in memory,
/// which makes that durable, THEN drops files.
///
/// Other stores write a floor first and ask the guard after, so that a reader who finds something missing can tell a trim
/// from a loss. Here nothing is ever missing above the floor: both are one write. The guard is asked while the lock is
/// held, and the token is compared again after it.
pub(super) async fn trim(space: &Arc<Space>, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
    let token = guard.token().clone();
    held(space, &token, |_| Ok(())).await?;
    let needed = guard.lowest_needed().await?;
    let through = needed.map_or(through, |seq| through.min(Seq(seq.0.saturating_sub(1))));
    let dir = Arc::<Path>::from(space.dir());
    let floor = {
        let dir = Arc::clone(&dir);
        held(space, &token, move |db| cut(&dir, db, through)).await?
    };
    // Not only when the floor has moved: an earlier trim may have been cut, or found the disk full, before it came to this.
    if floor.seq.0 > space.given_back.load(Ordering::Acquire) {
        // Each step takes the lock anew: a term that ends does not wait for all of them.
        {
            let dir = Arc::clone(&dir);
            held(space, &token, move |db| write_out(&dir, db)).await?;
        }
        // After it: files that are gone before the floor is durable would be missing above the one before.
        held(space, &token, move |db| drop_files(&dir, db, floor)).await?;
        held(space, &token, move |db| {
            merge(db, floor);
            Ok(())
        })
        .await?;
        // A term that ends cuts the merge short.
        held(space, &token, |_| Ok(())).await?;
        space.given_back.store(floor.seq.0, Ordering::Release);
    }
    Ok(floor.seq.next())
}

async fn held<T: Send + 'static>(
    space: &Arc<Space>,
    token: &FenceToken,
    work: impl FnOnce(&DB) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (space, token) = (Arc::clone(space), token.clone());
    off_thread(OPERATION, move || space.as_holder(&token, OPERATION, work)).await
}

/// Moves the floor up to the last batch end at or below `through`; the last committed batch stays.
fn cut(dir: &Path, db: &DB, through: Seq) -> Result<Position> {
    let view = View::live(db, dir);
    let floor = view.floor()?;
    let committed = view.committed()?;
    let last = view.newest_upto(committed.seq, floor.seq)?;
    let Some(last) = last else {
        return Ok(floor);
    };
    let through = through.min(Seq(last.first().0.saturating_sub(1)));
    if through <= floor.seq {
        return Ok(floor);
    }
    let position = view.end_upto(through, floor)?;
    if position == floor {
        return Ok(floor);
    }
    let mut batch = WriteBatch::default();
    batch.put_cf(
        meta(db),
        FloorRecord::KEY,
        encode(&FloorRecord { position })?,
    );
    batch.delete_range_cf(
        batches(db),
        batch_key(Seq::ZERO),
        batch_key(position.seq.next()),
    );
    // Not synced: `write_out` is.
    db.write(batch)
        .map_err(|source| database_error(OPERATION, dir, source))?;
    Ok(position)
}

/// Drops the files that hold nothing above `floor`.
fn drop_files(dir: &Path, db: &DB, floor: Position) -> Result<()> {
    db.delete_file_in_range_cf(batches(db), batch_key(Seq::ZERO), batch_key(floor.seq))
        .map_err(|source| database_error(OPERATION, dir, source))
}

/// Writes out what is only in memory, so that the write-ahead log can go. Both families: either holds it.
fn write_out(dir: &Path, db: &DB) -> Result<()> {
    for family in [batches(db), meta(db)] {
        db.flush_cf_opt(family, &FlushOptions::default())
            .map_err(|source| database_error(OPERATION, dir, source))?;
    }
    Ok(())
}

/// Merges what is left below `floor`: the newest files, which are not dropped whole.
fn merge(db: &DB, floor: Position) {
    let mut options = CompactOptions::default();
    options.set_exclusive_manual_compaction(false);
    let (begin, end) = (batch_key(Seq::ZERO), batch_key(floor.seq));
    db.compact_range_cf_opt(batches(db), Some(begin), Some(end), &options);
}
