//! A look at the write-ahead log before it is opened.

use std::fs;
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::error::{corrupt, io_error};
use super::records::{CommittedRecord, Record, decode_first};
use standfast_core::{Batch, MAGIC, Result, Seq};

/// Blocks that no physical record crosses.
const BLOCK: usize = 32 << 10;
/// checksum 4, length 2, type 1: little endian.
const HEADER: usize = 7;
/// Whole, first, middle, last; compression, time stamps, the log before it. Those of files that are used again are not
/// among them: ours are not.
const TYPES: [u8; 7] = [1, 2, 3, 4, 9, 10, 130];
/// The types of records of files that are used again. RocksDB 11.8 never ends with one of them that ours did not begin with:
/// it passes the record over without moving on. One flipped bit makes such a type of ours.
const ENDLESS: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Whether the write-ahead log lost something that was committed.
///
/// RocksDB cannot tell a record whose length was damaged, near the end of a file, from one that was being written, and passes
/// over all that follows it. What follows tells: a later batch, which was begun when the one before it was synced, or
/// the mark of a writer. A write that was cut is followed by neither.
///
/// # Errors
/// `Corrupt` with file and offset.
pub(super) fn check(operation: &'static str, dir: &Path) -> Result<()> {
    each_file(operation, dir, |path, bytes| {
        let sound = ended(operation, path, bytes)?;
        let (before, behind) = bytes.split_at(sound);
        if behind.is_empty() {
            return Ok(());
        }
        // What a writer wrote as one may lie in several records: they are put together again, behind the damage from the
        // next block on, where a record begins.
        let next_block = (sound.next_multiple_of(BLOCK) - sound).min(behind.len());
        let (raw, blocks) = (behind, behind.split_at(next_block).1);
        let reached = frames(&payloads(before)).map(|batch| batch.last()).max();
        let committed = committed_in(raw).max(committed_in(&payloads(blocks)));
        if committed > reached.unwrap_or(Seq::ZERO) {
            let what = format!(
                "a record is damaged at byte {sound}, and what follows it calls seq {committed} committed"
            );
            return Err(corrupt(operation, path, &what));
        }
        Ok(())
    })
}

/// Whether the write-ahead log can be read at all, by somebody who follows its writer.
///
/// # Errors
/// `Corrupt` with file and offset.
pub(super) fn check_readable(operation: &'static str, dir: &Path) -> Result<()> {
    each_file(operation, dir, |path, bytes| {
        ended(operation, path, bytes).map(drop)
    })
}

fn each_file(
    operation: &'static str,
    dir: &Path,
    look: impl Fn(&Path, &[u8]) -> Result<()>,
) -> Result<()> {
    for path in files(dir).map_err(|source| io_error(operation, dir, source))? {
        match fs::read(&path) {
            // Written out just now.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error(operation, &path, source)),
            Ok(bytes) => look(&path, &bytes)?,
        }
    }
    Ok(())
}

/// Where the sound records end.
///
/// # Errors
/// `Corrupt` when what is there is of a type that RocksDB would never come to the end of.
fn ended(operation: &'static str, path: &Path, bytes: &[u8]) -> Result<usize> {
    let sound = sound_upto(bytes);
    match bytes.get(sound + HEADER - 1) {
        Some(kind) if ENDLESS.contains(kind) => {
            let what = format!("a record is damaged at byte {sound}: it is of type {kind}");
            Err(corrupt(operation, path, &what))
        }
        _ => Ok(sound),
    }
}

fn files(dir: &Path) -> io::Result<Vec<std::path::PathBuf>> {
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

/// Where the first physical record begins that is not what was written.
fn sound_upto(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let left = BLOCK - at % BLOCK;
        if left < HEADER {
            // Too little for a header: zeros.
            at += left;
            continue;
        }
        match record_length(bytes.get(at..).unwrap_or_default()) {
            Some(length) => at += length,
            None => return at,
        }
    }
    bytes.len()
}

/// What sound records of `bytes` hold, put together. `bytes` begin with a block; what is left of one behind damage is passed
/// over.
fn payloads(bytes: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    for block in bytes.chunks(BLOCK) {
        let mut rest = block;
        while let Some(length) = record_length(rest) {
            let (record, others) = rest.split_at(length);
            found.extend_from_slice(record.get(HEADER..).unwrap_or_default());
            rest = others;
        }
    }
    found
}

/// The length of the physical record that `bytes` begin with, if it is sound.
fn record_length(bytes: &[u8]) -> Option<usize> {
    let masked = u32::from_le_bytes(*bytes.first_chunk()?);
    let length = usize::from(u16::from_le_bytes(*bytes.get(4..)?.first_chunk()?));
    let checked = bytes.get(6..HEADER + length)?;
    // As RocksDB stores it: turned, and moved by a constant.
    let wanted = masked.wrapping_sub(0xa282_ead8).rotate_left(15);
    let found = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, checked);
    let is_sound = TYPES.contains(checked.first()?) && u64::from(wanted) == found;
    is_sound.then_some(HEADER + length)
}

/// Batches that lie whole in `bytes`, wherever.
fn frames(bytes: &[u8]) -> impl Iterator<Item = Batch> {
    places(bytes, &MAGIC).filter_map(|rest| {
        let length = standfast_core::FrameHeader::peek_length(rest)?;
        let frame = rest.get(..length)?;
        Batch::decode(Bytes::copy_from_slice(frame)).ok()
    })
}

/// The highest entry that something in `bytes` calls committed.
fn committed_in(bytes: &[u8]) -> Seq {
    let start = format!("{{\"format\":\"{}\"", CommittedRecord::FORMAT);
    let marks = places(bytes, start.as_bytes())
        .filter_map(|rest| decode_first::<CommittedRecord>(rest).ok())
        .map(|mark| mark.position.seq);
    // Its writer began it when the one before it was synced.
    let batches = frames(bytes).map(|batch| Seq(batch.first().0.saturating_sub(1)));
    marks.chain(batches).max().unwrap_or(Seq::ZERO)
}

/// What follows each place in `bytes` that begins with `start`.
fn places<'a>(bytes: &'a [u8], start: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    (0..bytes.len())
        .filter_map(|at| bytes.get(at..))
        .filter(move |rest| rest.starts_with(start))
}
