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
                removed.extend(removed_by(&entry?)?);
            }
        }
    }
}

/// The block that an entry removes. An object that is put again later is found, so it does not matter that it is in here.
fn removed_by(entry: &Entry<'_>) -> Result<Option<BlockKey>, Failure> {
    if entry.op_type == OpType::EPOCH_START || !matches!(Op::decode(entry)?, Op::Remove { .. }) {
        return Ok(None);
    }
    let key = entry.key.iter().position(|byte| *byte == 0);
    let key = key.and_then(|end| entry.key.get(end + 1..));
    let digits = key.and_then(|key| std::str::from_utf8(key).ok());
    Ok(digits.and_then(BlockKey::parse))
}
