//! The physical records of a file of the write-ahead log, and what was written as one.
//!
//! ```text
//!   record   checksum 4 | length 2 | type 1 | payload        little endian; the checksum is of type and payload
//! ```
//!
//! The file is blocks of 32 KiB that no record crosses: what does not fit is a first, middle ones and a last.
//! Source: RocksDB, `db/log_format.h` and `db/log_writer.cc`.

/// Blocks that no physical record crosses.
const BLOCK: usize = 32 << 10;
/// checksum 4, length 2, type 1.
const HEADER: usize = 7;
const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;
/// The four above; compression, time stamps, the log before it. Those of files that are used again are not among them: ours
/// are not.
const TYPES: [u8; 7] = [WHOLE, FIRST, MIDDLE, LAST, 9, 10, 130];
/// The types of records of files that are used again. RocksDB 11.8 never ends with one of them that ours did not begin with:
/// it passes the record over without moving on. One flipped bit makes such a type of ours.
const ENDLESS: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// A sound physical record.
struct Record<'a> {
    kind: u8,
    payload: &'a [u8],
}

impl Record<'_> {
    const fn length(&self) -> usize {
        HEADER + self.payload.len()
    }
}

/// The physical record that `bytes` begin with, if it is sound.
fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let length = claimed_length(bytes)?;
    let checked = bytes.get(HEADER - 1..HEADER + length)?;
    let (kind, payload) = checked.split_first()?;
    let found = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, checked);
    let is_sound = TYPES.contains(kind) && stored(bytes) == Some(found);
    is_sound.then_some(Record {
        kind: *kind,
        payload,
    })
}

fn claimed_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .get(4..)?
        .first_chunk()
        .map(|length| usize::from(u16::from_le_bytes(*length)))
}

/// The checksum that a header has: RocksDB turns it, and moves it by a constant.
fn stored(bytes: &[u8]) -> Option<u64> {
    let masked = u32::from_le_bytes(*bytes.first_chunk()?);
    Some(u64::from(masked.wrapping_sub(0xa282_ead8).rotate_left(15)))
}

/// What is left of the block that `at` lies in, of what is there.
fn rest_of_block(bytes: &[u8], at: usize) -> &[u8] {
    let end = (at + BLOCK - at % BLOCK).min(bytes.len());
    bytes.get(at..end).unwrap_or_default()
}

const fn next_block(at: usize) -> usize {
    at + BLOCK - at % BLOCK
}

/// Where the first physical record begins that is not what was written.
pub(super) fn sound_upto(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let rest = rest_of_block(bytes, at);
        match record(rest) {
            Some(record) => at += record.length(),
            // Too little for a header: zeros.
            None if BLOCK - at % BLOCK < HEADER => at = next_block(at),
            None => return at,
        }
    }
    bytes.len()
}

/// The type of the record at `at`, if RocksDB would never come to its end.
pub(super) fn endless(bytes: &[u8], at: usize) -> Option<u8> {
    let kind = *bytes.get(at + HEADER - 1)?;
    ENDLESS.contains(&kind).then_some(kind)
}

/// Whether the record at `at` is whole, but for its length: with another one its checksum is right. Nothing else tells it
/// from a record that was being written. By chance, of what was cut: once in 100,000 times.
pub(super) fn has_another_length(bytes: &[u8], at: usize) -> bool {
    let rest = rest_of_block(bytes, at);
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    rest.iter().skip(HEADER - 1).any(|byte| {
        digest.update(&[*byte]);
        Some(digest.finalize()) == stored(rest)
    })
}

/// Where records may begin again, behind the damaged one at `at`.
///
/// Behind it, if its header is to be believed; else where the next sound one is, or the next block. What a client wrote is
/// never searched for records as long as a cut can have left it: a cut leaves a header that is to be believed.
pub(super) fn resume(bytes: &[u8], at: usize) -> usize {
    let rest = rest_of_block(bytes, at);
    let left = BLOCK - at % BLOCK;
    let kind = rest.get(HEADER - 1);
    let Some(length) = claimed_length(rest).filter(|length| HEADER + length <= left) else {
        return found_after(bytes, at);
    };
    let behind = at + HEADER + length;
    let is_believed = behind >= bytes.len() || record(rest_of_block(bytes, behind)).is_some();
    if is_believed && kind.is_none_or(|kind| TYPES.contains(kind)) {
        behind
    } else {
        found_after(bytes, at)
    }
}

fn found_after(bytes: &[u8], at: usize) -> usize {
    let found = (at + 1..next_block(at)).find(|at| record(rest_of_block(bytes, *at)).is_some());
    found.unwrap_or_else(|| next_block(at))
}

/// What was written as one, whole, from a record that begins at `at` on. What is not sound is passed over up to the next
/// block.
pub(super) fn written(bytes: &[u8], mut at: usize) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    let mut part: Option<Vec<u8>> = None;
    while at < bytes.len() {
        let Some(record) = record(rest_of_block(bytes, at)) else {
            if BLOCK - at % BLOCK >= HEADER {
                part = None;
            }
            at = next_block(at);
            continue;
        };
        match record.kind {
            WHOLE => whole.push(record.payload.to_vec()),
            FIRST => part = Some(record.payload.to_vec()),
            MIDDLE | LAST => {
                if let Some(part) = &mut part {
                    part.extend_from_slice(record.payload);
                }
                if record.kind == LAST {
                    whole.extend(part.take());
                }
            }
            _ => {}
        }
        at += record.length();
    }
    whole
}
