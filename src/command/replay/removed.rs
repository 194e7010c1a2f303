use std::collections::HashSet;
use std::path::Path;

use standfast::replay::BlockKey;
use standfast_core::{Entry, OpType, ReadLimit};
use standfast_metadata::Op;

use crate::command::Failure;
use crate::command::args::{ConfigArguments, Output};
use crate::command::offline::Offline;

/// The keys that the log says were removed, as far back as the log goes.
///
/// What the master itself says of that is not asked: it is what is being tested.
pub(super) async fn removed_in_log(config: &Path) -> Result<HashSet<BlockKey>, Failure> {
    let arguments = ConfigArguments {
        config: config.to_owned(),
        output: Output::Table,
    };
    let offline = Offline::open(&arguments).await?;
    let log = &offline.stores.oplog;
    let mut position = log.bounds().await?.before_floor;
    let mut removed = HashSet::new();
    loop {
        let batches = log.read(position, ReadLimit::default()).await?;
        let Some(last) = batches.last() else {
            return Ok(removed);
        };
        position = last.end();
        for batch in &batches {
            for entry in batch.entries() {
                removed_by(&entry?, &mut removed)?;
            }
        }
    }
}

/// The blocks that an entry removes. One that is put again later is found, so it does not matter that it is in here.
fn removed_by(entry: &Entry<'_>, removed: &mut HashSet<BlockKey>) -> Result<(), Failure> {
    if entry.op_type == OpType::EPOCH_START {
        return Ok(());
    }
    match Op::decode(entry)? {
        Op::Remove { .. } => removed.extend(block(&entry.key)),
        Op::RemoveMany { objects, .. } => {
            removed.extend(objects.iter().filter_map(|(key, _)| block(key)));
        }
        Op::Evict { keys } => removed.extend(keys.iter().filter_map(|key| block(key))),
        _ => {}
    }
    Ok(())
}

/// The block whose qualified key this is.
fn block(qualified: &[u8]) -> Option<BlockKey> {
    let end = qualified.iter().position(|byte| *byte == 0)?;
    let digits = std::str::from_utf8(qualified.get(end + 1..)?).ok()?;
    BlockKey::parse(digits)
}
