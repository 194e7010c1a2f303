const PUT: u8 = 0x1;
const PUT_IN_FAMILY: u8 = 0x5;

/// A write as the write-ahead log has it.
///
/// ```text
///   sequence 8 | count 4 | items        little endian
///   item       tag 1 | [family] | key | [value]
/// ```
///
/// Family and lengths are varints. Source: RocksDB, `db/write_batch.cc` and `db/dbformat.h`.
pub(super) struct Write<'a> {
    /// Rises with every item that was ever written.
    pub(super) sequence: u64,
    pub(super) puts: Vec<Put<'a>>,
}

pub(super) struct Put<'a> {
    /// As RocksDB numbers them: that of the batches is 0.
    pub(super) family: u32,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Write<'a> {
    /// None when it is not one, or has items that no log of ours has.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (sequence, bytes) = bytes.split_first_chunk()?;
        let (_count, mut rest) = bytes.split_first_chunk::<4>()?;
        let mut puts = Vec::new();
        while let Some((tag, items)) = rest.split_first() {
            rest = items;
            let (has_family, slices) = shape(*tag)?;
            let family = if has_family { varint(&mut rest)? } else { 0 };
            let slices: Option<Vec<_>> = (0..slices).map(|_| slice(&mut rest)).collect();
            if let (PUT | PUT_IN_FAMILY, [key, value]) = (*tag, slices?.as_slice()) {
                puts.push(Put { family, key, value });
            }
        }
        Some(Self {
            sequence: u64::from_le_bytes(*sequence),
            puts,
        })
    }
}

/// Whether an item of this tag names its family, and how many strings it has.
const fn shape(tag: u8) -> Option<(bool, usize)> {
    Some(match tag {
        // Put or delete a range; delete; nothing.
        PUT | 0xF => (false, 2),
        PUT_IN_FAMILY | 0xE => (true, 2),
        0x0 => (false, 1),
        0x4 => (true, 1),
        0xD => (false, 0),
        _ => return None,
    })
}

fn slice<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (found, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(found)
}

fn varint(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for shift in (0..32).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
