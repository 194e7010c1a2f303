//! The rows of a dataset, handled bare: what the yardsticks are made of. As quick as the format allows, and nothing more.

use standfast_core::{read_varint, write_varint};

use crate::command::Failure;

/// A row of an object of 32 hex digits with one replica, that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command::bench) struct Row {
    pub(in crate::command::bench) bucket: u16,
    pub(in crate::command::bench) key: [u8; 16],
    pub(in crate::command::bench) size: u64,
    pub(in crate::command::bench) writer: u64,
    pub(in crate::command::bench) segment: u64,
    pub(in crate::command::bench) offset: u64,
}

/// What such a row begins with: version, form of the key; and what follows the key: progress.
const BEGIN: [u8; 2] = [1, 0];
const COMPLETE: u8 = 1;

/// Gives every object of a decompressed part.
pub(in crate::command::bench) fn decode(
    raw: &[u8],
    mut each: impl FnMut(Row),
) -> Result<(), Failure> {
    let short = || "a part is shorter than it says";
    let mut rest = raw.get(8..).ok_or_else(short)?;
    while let Some(bucket) = take(&mut rest) {
        let bucket = u16::from_le_bytes(bucket);
        let _rows = take::<8>(&mut rest);
        let length = take(&mut rest).ok_or_else(short)?;
        let length = usize::try_from(u64::from_le_bytes(length))?;
        let (mut rows, after) = rest.split_at_checked(length).ok_or_else(short)?;
        rest = after;
        while bucket < 1024 && !rows.is_empty() {
            each(row(bucket, &mut rows).ok_or("a row is not that of a dataset")?);
        }
    }
    Ok(())
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*taken)
}

fn row(bucket: u16, input: &mut &[u8]) -> Option<Row> {
    let begin: [u8; 2] = take(input)?;
    let key = take(input)?;
    let [progress] = take(input)?;
    if begin != BEGIN || progress != COMPLETE {
        return None;
    }
    let size = read_varint(input)?;
    let writer = read_varint(input)?;
    let _one_replica = read_varint(input)?;
    Some(Row {
        bucket,
        key,
        size,
        writer,
        segment: read_varint(input)?,
        offset: read_varint(input)?,
    })
}

/// Appends what [`decode`] reads, without the headers of sections.
pub(in crate::command::bench) fn encode(row: &Row, out: &mut Vec<u8>) {
    out.extend_from_slice(&BEGIN);
    out.extend_from_slice(&row.key);
    out.push(COMPLETE);
    for number in [row.size, row.writer, 1, row.segment, row.offset] {
        write_varint(out, number);
    }
}
