//! A look at the write-ahead log before it is opened.

mod physical;
mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use self::physical::{endless, has_another_length, resume, sound_upto, written};
use self::write::{Put, Write};
use super::error::{corrupt, io_error};
use super::records::{CommittedRecord, Single, decode};
use standfast_core::{Batch, Result, Seq};

/// The number that RocksDB gives the family of the batches, which every database has, and the one that we make.
const BATCHES: u32 = 0;
const META: u32 = 1;

/// Whether the write-ahead log lost something that was committed.
///
/// RocksDB cannot tell a record whose length was damaged, near the end of a file, from one that was being written, and passes
/// over all that follows it. The record tells, when it is whole but for its length. Else what follows tells: a later batch,
/// which was begun when the one before it was synced, or the mark of a writer. A write that was cut is followed by neither.
///
/// Only what the log wrote is believed, never the entries in it: they are somebody else's bytes, and may look like anything.
///
/// # Errors
/// `Corrupt` with file and offset.
pub(super) fn check(operation: &'static str, dir: &Path) -> Result<()> {
    let mut count = 0;
    // Twice: a file may give way to the next one while the directory is listed.
    for _ in 0..2 {
        if count == 0 {
            count = each_file(operation, dir, |path, bytes| {
                check_file(operation, path, bytes)
            })?;
        }
    }
    if count == 0 {
        let what =
            "the write-ahead log is gone: a database that was closed has one, if only an empty one";
        return Err(corrupt(operation, dir, what));
    }
    Ok(())
}

fn check_file(operation: &'static str, path: &Path, bytes: &[u8]) -> Result<()> {
    let sound = ended(operation, path, bytes)?;
    if sound == bytes.len() {
        return Ok(());
    }
    if has_another_length(bytes, sound) {
        let what = format!("the length of the record at byte {sound} is damaged");
        return Err(corrupt(operation, path, &what));
    }
    let before = written(bytes.get(..sound).unwrap_or_default(), 0);
    let behind = written(bytes, resume(bytes, sound));
    let last = writes(&before).map(|write| write.sequence).max();
    let reached = writes(&before).filter_map(|write| appended(&write)).max();
    let committed = writes(&behind)
        // What is older is no part of this log.
        .filter(|write| last.is_none_or(|last| write.sequence > last))
        .filter_map(|write| calls_committed(&write))
        .max();
    if committed > Some(reached.unwrap_or(Seq::ZERO)) {
        let what = format!(
            "a record is damaged at byte {sound}, and what follows it calls seq {} committed",
            committed.unwrap_or(Seq::ZERO)
        );
        return Err(corrupt(operation, path, &what));
    }
    Ok(())
}

/// Whether the write-ahead log can be read at all, by somebody who follows its writer.
///
/// # Errors
/// `Corrupt` with file and offset.
pub(super) fn check_readable(operation: &'static str, dir: &Path) -> Result<()> {
    let look = |path: &Path, bytes: &[u8]| ended(operation, path, bytes).map(drop);
    each_file(operation, dir, look).map(drop)
}

/// Looks at each file, and returns how many there are.
fn each_file(
    operation: &'static str,
    dir: &Path,
    look: impl Fn(&Path, &[u8]) -> Result<()>,
) -> Result<usize> {
    let files = files(dir).map_err(|source| io_error(operation, dir, source))?;
    for path in &files {
        match fs::read(path) {
            // Written out just now.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error(operation, path, source)),
            Ok(bytes) => look(path, &bytes)?,
        }
    }
    Ok(files.len())
}

/// Where the sound records end.
///
/// # Errors
/// `Corrupt` when what is there is of a type that RocksDB would never come to the end of.
fn ended(operation: &'static str, path: &Path, bytes: &[u8]) -> Result<usize> {
    let sound = sound_upto(bytes);
    match endless(bytes, sound) {
        Some(kind) => {
            let what = format!("a record is damaged at byte {sound}: it is of type {kind}");
            Err(corrupt(operation, path, &what))
        }
        None => Ok(sound),
    }
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn writes(written: &[Vec<u8>]) -> impl Iterator<Item = Write<'_>> {
    written.iter().filter_map(|bytes| Write::decode(bytes))
}

fn batch(put: &Put<'_>) -> Option<Batch> {
    let frame = (put.family == BATCHES).then(|| Bytes::copy_from_slice(put.value))?;
    Batch::decode(frame).ok()
}

fn mark(put: &Put<'_>) -> Option<CommittedRecord> {
    let is_mark = put.family == META && put.key == CommittedRecord::KEY.as_bytes();
    is_mark.then(|| decode(put.value).ok())?
}

/// The last entry that a write adds.
fn appended(write: &Write<'_>) -> Option<Seq> {
    let batches = write.puts.iter().filter_map(batch);
    batches.map(|batch| batch.last()).max()
}

/// The last entry that a write calls committed: by a mark, or because its writer began it when the one before was synced.
fn calls_committed(write: &Write<'_>) -> Option<Seq> {
    let before = |put: &Put<'_>| batch(put).map(|batch| Seq(batch.first().0.saturating_sub(1)));
    let marked = |put: &Put<'_>| mark(put).map(|mark| mark.position.seq);
    let found = write.puts.iter();
    found.filter_map(|put| marked(put).max(before(put))).max()
}
