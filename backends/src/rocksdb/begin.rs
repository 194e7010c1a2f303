//! Beginning the log anew, on an operator's word.

use std::path::{Path, PathBuf};

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{DB, WriteBatch};

use super::claim::{self, Role};
use super::database::{batches, meta, open};
use super::error::{database_error, io_error};
use super::layout::batch_key;
use super::records::{FenceRecord, FloorRecord, Single};
use super::space::Space;
use super::view::View;
use crate::durable_dir::sync_dir;
use crate::record::encode;
use standfast_core::{Epoch, FenceToken, Position, Result, Seq};

const OPERATION: &str = "begin log";

/// Makes the log begin behind `position`: the fence, the floor and the removal of what was there are one synced write. A
/// copy of what was there is made first, beside the directory, and nobody reads it again.
pub(super) fn at(space: &Space, token: &FenceToken, position: Position) -> Result<()> {
    let db = open(OPERATION, space.dir(), space.tuning())?;
    claim::check(
        &View::still(&db, space.dir()),
        token,
        Role::Follower,
        OPERATION,
    )?;
    keep_aside(space, &db, token.epoch)?;
    let mut batch = WriteBatch::default();
    batch.delete_range_cf(batches(&db), batch_key(Seq::ZERO), batch_key(Seq(u64::MAX)));
    batch.put_cf(
        meta(&db),
        FloorRecord::KEY,
        encode(&FloorRecord { position })?,
    );
    claim::lay(
        space,
        &db,
        batch,
        &FenceRecord::of(token, position),
        position,
        OPERATION,
    )
}

/// Hard links to the files as they are, durable: `{dir}-before-{epoch:020}`.
fn keep_aside(space: &Space, db: &DB, epoch: Epoch) -> Result<()> {
    let aside = aside(space, epoch);
    if !aside.exists() {
        Checkpoint::new(db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(&aside))
            .map_err(|source| database_error(OPERATION, &aside, source))?;
    }
    // Also when it was there: whoever made it may have died before this. RocksDB does not do it.
    let parent = aside.parent().unwrap_or_else(|| Path::new("/"));
    sync_dir(parent).map_err(|source| io_error(OPERATION, parent, source))
}

fn aside(space: &Space, epoch: Epoch) -> PathBuf {
    let mut name = space.dir().as_os_str().to_owned();
    name.push(format!("-before-{:020}", epoch.0));
    PathBuf::from(name)
}
