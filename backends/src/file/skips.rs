use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::cluster::decode;
use super::error::{error, io_error};
use super::layout::Layout;
use super::log_dir::LogDir;
use super::numbered::{self, NumberedDir};
use standfast_core::{ErrorKind, FenceToken, Result, Skip};

const FORMAT: &str = "standfast-skip";
const VERSION: u32 = 1;
const FOLDER: &str = "skips";

/// An entry that is passed over: `{dir}/skips/{epoch:020}`, JSON, version 1. None is ever deleted (R7). The directory is
/// made with the first.
///
/// ```text
///   {"format": "standfast-skip", "version": 1, "skip": {"seq": 4711, "batch": {"epoch": 7, "seq": 4720, "chain": ".."},
///    "through": 4800, "epoch": 9, "node": "node-a", "reason": ".."}}
/// ```
#[derive(Debug, Serialize, Deserialize)]
struct SkipRecord {
    format: String,
    version: u32,
    skip: Skip,
}

/// Records one. The fence of `token` is there.
pub(super) fn write(dir: &LogDir, token: &FenceToken, skip: &Skip) -> Result<()> {
    let operation = "skip entry";
    let record = SkipRecord {
        format: FORMAT.to_owned(),
        version: VERSION,
        skip: skip.clone(),
    };
    let bytes = serde_json::to_vec(&record)
        .map_err(|source| error(ErrorKind::Invalid, operation).source(source))?;
    let folder = dir.layout().at(FOLDER);
    let created = dir.create_numbered(&folder, token.epoch.0, &bytes);
    if created.map_err(|source| io_error(operation, &folder, source))? {
        return Ok(());
    }
    if read(dir.layout())?.contains(skip) {
        return Ok(());
    }
    Err(error(ErrorKind::Fenced, operation).context(format!(
        "epoch {} has skipped another entry: do it again under a higher one",
        token.epoch
    )))
}

/// All that were recorded.
pub(super) fn read(layout: &Layout) -> Result<Vec<Skip>> {
    let operation = "read skips";
    let folder = layout.at(FOLDER);
    let mut records = match NumberedDir::open(&folder) {
        Ok(records) => records,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error(operation, &folder, source)),
    };
    let found = records.above(0);
    let mut epochs = found.map_err(|source| io_error(operation, &folder, source))?;
    epochs.sort_unstable();
    let mut skips = Vec::new();
    for epoch in epochs {
        let path = folder.join(numbered::name(epoch));
        let bytes = fs::read(&path).map_err(|source| io_error(operation, &path, source))?;
        let record: SkipRecord = decode(&bytes, FORMAT, VERSION)
            .map_err(|error| error.context(path.display().to_string()))?;
        skips.push(record.skip);
    }
    Ok(skips)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{cluster, skip, token};

    #[test]
    fn the_golden_skip_is_read_and_written_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogDir::open(dir.path(), 64 << 10).unwrap();
        super::super::cluster::init(log.layout(), cluster()).unwrap();
        write(&log, &token(7), &skip(7)).unwrap();
        let written = fs::read(log.layout().at(FOLDER).join(numbered::name(7))).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/skip-v1.json");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            fs::write(path, &written).unwrap();
        }
        assert_eq!(written, fs::read(path).unwrap());
        assert_eq!(read(log.layout()).unwrap(), [skip(7)]);
    }
}
