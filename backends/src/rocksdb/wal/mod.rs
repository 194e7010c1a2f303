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
use super::records::{CommittedRecord, Single};
use crate::record::decode;
use standfast_core::{Batch, Result, Seq};

/// The number that RocksDB gives the family of the batches, which every database has, and the one that we make.
const BATCHES: u32 = 0;
const META: u32 = 1;

/// How a write-ahead log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a whole record, or within one that is too short: RocksDB takes that for one that was being written.
    Sound,
    /// With a record that was being written when the power went: at full length, and not all of it is there. RocksDB takes
    /// that for damage, unless it is told to stop where it finds some.
    Torn,
}

/// Looks whether the write-ahead log lost something that was committed.
///
/// RocksDB cannot tell a record whose length was damaged, near the end of a file, from one that was being written, and passes
/// over all that follows it. The record tells, when it is whole but for its length. Else what follows tells: a later batch,
/// which was begun when the one before it was synced, or the mark of a writer. A write that was cut is followed by neither.
///
/// Only what the log wrote is believed, never the entries in it: they are somebody else's bytes, and may look like anything.
///
/// # Errors
/// `Corrupt` with file and offset.
pub(super) fn check(operation: &'static str, dir: &Path) -> Result<End> {
    let mut files = contents(operation, dir)?;
    if files.is_empty() {
        // One file may have given way to the next while the directory was listed.
        files = contents(operation, dir)?;
    }
    if files.is_empty() {
        let what =
            "the write-ahead log is gone: a database that was closed has one, if only an empty one";
        return Err(corrupt(operation, dir, what));
    }
    judge(operation, &files)
}

/// Looks whether the write-ahead log can be read at all, by somebody who follows its writer. What was lost of it is told by
/// what can be read.
///
/// # Errors
/// `Corrupt` with file and offset.
pub(super) fn check_readable(operation: &'static str, dir: &Path) -> Result<End> {
    let files = contents(operation, dir)?;
    for (path, bytes) in &files {
        ended(operation, path, bytes)?;
    }
    Ok(judge(operation, &files).unwrap_or(End::Sound))
}

fn judge(operation: &'static str, files: &[(PathBuf, Vec<u8>)]) -> Result<End> {
    for (at, (path, bytes)) in files.iter().enumerate() {
        let sound = ended(operation, path, bytes)?;
        if sound == bytes.len() {
            continue;
        }
        if has_another_length(bytes, sound) {
            let what = format!("the length of the record at byte {sound} is damaged");
            return Err(corrupt(operation, path, &what));
        }
        let (older, newer) = (files.iter().take(at), files.iter().skip(at + 1));
        let mut before: Vec<_> = older.flat_map(|(_, bytes)| written(bytes, 0)).collect();
        before.extend(written(bytes.get(..sound).unwrap_or_default(), 0));
        let mut behind = written(bytes, resume(bytes, sound));
        behind.extend(newer.flat_map(|(_, bytes)| written(bytes, 0)));
        if let Some(committed) = committed_beyond(&before, &behind) {
            let what = format!(
                "a record is damaged at byte {sound}, and what follows it calls seq {committed} committed"
            );
            return Err(corrupt(operation, path, &what));
        }
        return Ok(End::Torn);
    }
    Ok(End::Sound)
}

/// What `behind` calls committed, if `before` does not reach it.
fn committed_beyond(before: &[Vec<u8>], behind: &[Vec<u8>]) -> Option<Seq> {
    let last = writes(before).map(|write| write.sequence).max();
    let reached = writes(before).filter_map(|write| appended(&write)).max();
    let committed = writes(behind)
        // What is older is no part of this log.
        .filter(|write| last.is_none_or(|last| write.sequence > last))
        .filter_map(|write| calls_committed(&write))
        .max();
    committed.filter(|committed| *committed > reached.unwrap_or(Seq::ZERO))
}

/// The files with what is in them, the oldest first.
fn contents(operation: &'static str, dir: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    for path in files(dir).map_err(|source| io_error(operation, dir, source))? {
        match fs::read(&path) {
            // Written out just now.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error(operation, &path, source)),
            Ok(bytes) => found.push((path, bytes)),
        }
    }
    Ok(found)
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
