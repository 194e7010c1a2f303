use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::cluster::decode;
use super::error::{error, io_error};
use super::exclusive;
use super::log_dir::LogDir;
use standfast_core::{ErrorKind, Fingerprint, LogId, Result};

const FORMAT: &str = "standfast-log-id";
const VERSION: u32 = 1;
const NAME: &str = "log-id";

/// Which disk it is: `{dir}/log-id`, JSON, version 1. Made when it is asked for the first time, and never again: a directory
/// that was emptied has another.
///
/// ```text
///   {"format": "standfast-log-id", "version": 1, "cluster": "<32 hex digits>", "id": "<32 hex digits>"}
/// ```
#[derive(Debug, Serialize, Deserialize)]
struct LogIdRecord {
    format: String,
    version: u32,
    cluster: Fingerprint,
    id: String,
}

impl LogIdRecord {
    fn new(cluster: Fingerprint, id: LogId) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            cluster,
            id: format!("{:032x}", id.0),
        }
    }
}

/// The id of the log, drawn if it has none.
pub(super) fn of(dir: &LogDir) -> Result<LogId> {
    let cluster = dir.cluster("log id")?;
    if let Some(id) = read(dir)? {
        return Ok(id);
    }
    let drawn = LogIdRecord::new(cluster, LogId(rand::random()));
    let bytes = serde_json::to_vec(&drawn)
        .map_err(|source| error(ErrorKind::Invalid, "log id").source(source))?;
    let layout = dir.layout();
    // Whoever was faster has drawn it.
    exclusive::create(&layout.tmp(), layout.dir(), NAME, &bytes)
        .map_err(|source| io_error("log id", layout.dir(), source))?;
    read(dir)?.ok_or_else(|| {
        error(ErrorKind::Corrupt, "log id").context("written a moment ago, and gone")
    })
}

fn read(dir: &LogDir) -> Result<Option<LogId>> {
    let path = dir.layout().at(NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("log id", &path, source)),
    };
    let record: LogIdRecord = decode(&bytes, FORMAT, VERSION)
        .map_err(|error| error.context(path.display().to_string()))?;
    let id = u128::from_str_radix(&record.id, 16).map_err(|source| {
        error(ErrorKind::Corrupt, "log id")
            .context(path.display().to_string())
            .source(source)
    })?;
    Ok(Some(LogId(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::cluster;

    #[test]
    fn the_golden_log_id_is_read_and_written_to_the_byte() {
        let id = LogId(0x5ea7);
        let bytes = serde_json::to_vec(&LogIdRecord::new(cluster(), id)).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/log-id-v1.json");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            fs::write(path, &bytes).unwrap();
        }
        let golden = fs::read(path).unwrap();
        assert_eq!(bytes, golden);
        let dir = tempfile::tempdir().unwrap();
        let log = LogDir::open(dir.path(), 64 << 10).unwrap();
        super::super::cluster::init(log.layout(), cluster()).unwrap();
        fs::write(log.layout().at(NAME), golden).unwrap();
        assert_eq!(of(&log).unwrap(), id);
    }
}
