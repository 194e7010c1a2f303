use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::cluster::decode;
use super::error::{error, io_error};
use super::layout::Layout;
use super::log_dir::LogDir;
use super::numbered;
use standfast_core::{Epoch, ErrorKind, FenceToken, Fingerprint, NodeId, Position, Result};

const FORMAT: &str = "standfast-begin";
const VERSION: u32 = 1;
const FOLDER: &str = "begins";

/// Where the log begins that goes on after a loss was accepted, or that is filled behind a snapshot: `{dir}/begins/{epoch:020}`,
/// and `{epoch:020}-{seq:020}` where a follower begins anew once more in an epoch, JSON, version 1. The largest name counts;
/// none is ever deleted (R7). The directory is made with the first.
///
/// ```text
///   {"format": "standfast-begin", "version": 1, "cluster": "<32 hex digits>", "epoch": 9, "holder": "node-a",
///    "position": {"epoch": 7, "seq": 4711, "chain": "<32 hex digits>"}}
/// ```
///
/// Segments of lower epochs are no history any more. They stay where they are, as they are, for whoever wants to look at
/// them: one file that appears at once takes their place, and there is nothing to be cut, moved or left half done (R6).
#[derive(Debug, Serialize, Deserialize)]
struct BeginRecord {
    format: String,
    version: u32,
    cluster: Fingerprint,
    epoch: Epoch,
    holder: NodeId,
    position: Position,
}

/// What the first entry follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// Segments of lower epochs do not count; zero at genesis.
    pub(super) epoch: Epoch,
    pub(super) position: Position,
}

impl Begin {
    /// Of a log that was never begun anew.
    pub(super) fn genesis(cluster: Fingerprint) -> Self {
        Self {
            epoch: Epoch::ZERO,
            position: Position::genesis(cluster),
        }
    }
}

/// Makes the log begin behind `position`. The fence of `token` is there.
pub(super) fn write(dir: &LogDir, token: &FenceToken, position: Position) -> Result<()> {
    let operation = "begin log";
    let record = BeginRecord {
        format: FORMAT.to_owned(),
        version: VERSION,
        cluster: token.cluster,
        epoch: token.epoch,
        holder: token.holder.clone(),
        position,
    };
    let bytes = serde_json::to_vec(&record)
        .map_err(|source| error(ErrorKind::Invalid, operation).source(source))?;
    let folder = dir.layout().at(FOLDER);
    let name = match newest(dir.layout())?.filter(|begin| begin.epoch == token.epoch) {
        None => numbered::name(token.epoch.0),
        Some(begin) if begin.position.seq < position.seq => {
            format!(
                "{}-{}",
                numbered::name(token.epoch.0),
                numbered::name(position.seq.0)
            )
        }
        Some(begin) if begin.position == position => return Ok(()),
        Some(_) => return Err(elsewhere(token.epoch)),
    };
    let created = dir.create_named(&folder, &name, &bytes);
    if created.map_err(|source| io_error(operation, &folder, source))? {
        return Ok(());
    }
    match newest(dir.layout())? {
        Some(begin) if begin.epoch == token.epoch && begin.position == position => Ok(()),
        _ => Err(elsewhere(token.epoch)),
    }
}

fn elsewhere(epoch: Epoch) -> standfast_core::Error {
    error(ErrorKind::Fenced, "begin log").context(format!(
        "epoch {epoch} has begun the log elsewhere: do it again under a higher one"
    ))
}

/// The newest record.
pub(super) fn newest(layout: &Layout) -> Result<Option<Begin>> {
    let folder = layout.at(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read log", &folder, source)),
    };
    let mut largest: Option<String> = None;
    for entry in entries {
        let entry = entry.map_err(|source| io_error("read log", &folder, source))?;
        let name = entry.file_name().into_string().ok();
        // The longer name of two of an epoch is the later one, and the larger.
        largest = largest.max(name.filter(|name| is_record(name)));
    }
    let Some(name) = largest else {
        return Ok(None);
    };
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(|source| io_error("read log", &path, source))?;
    let record: BeginRecord = decode(&bytes, FORMAT, VERSION)
        .map_err(|error| error.context(path.display().to_string()))?;
    Ok(Some(Begin {
        epoch: record.epoch,
        position: record.position,
    }))
}

fn is_record(name: &str) -> bool {
    let is_number = |part: &str| numbered::parse(part.as_bytes()).is_some();
    match name.split_once('-') {
        None => is_number(name),
        Some((epoch, seq)) => is_number(epoch) && is_number(seq),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{batch, cluster, token};

    #[test]
    fn the_golden_begin_is_read_and_written_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogDir::open(dir.path(), 64 << 10).unwrap();
        super::super::cluster::init(log.layout(), cluster()).unwrap();
        let position = batch(Epoch(3), Position::genesis(cluster()), &[b"x"]).end();
        write(&log, &token(7), position).unwrap();
        let written = fs::read(log.layout().at(FOLDER).join(numbered::name(7))).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/begin-v1.json");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            fs::write(path, &written).unwrap();
        }
        assert_eq!(written, fs::read(path).unwrap());
        let begin = newest(log.layout()).unwrap().unwrap();
        assert_eq!((begin.epoch, begin.position), (Epoch(7), position));
    }
}
