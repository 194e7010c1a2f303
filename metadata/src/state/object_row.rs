use standfast_core::write_varint;

use super::object::{Lease, Object, Progress, Replicas};
use crate::key::ObjectKey;
use crate::names::ClientNumber;
use crate::op::Reader;
use crate::request::{Place, Traits};

const VERSION: u8 = 1;
const WITH_TRAITS: u8 = 2;
const HEX: u8 = 0;
const OTHER: u8 = 1;
const PROCESSING: u8 = 0;
const COMPLETE: u8 = 1;
const CHECKED: u8 = 2;

/// Appends the row of an object, as it is hashed and kept in snapshots.
///
/// ```text
///   version   1  = 1 · 2 = with traits
///   key form  1  0 = default tenant and 32 hex digits, packed to 16 bytes · 1 = qualified key, v + bytes
///   progress  1  0 processing, then since v · 1 complete · 2 complete, then checksum 8
///   size v · writer v · replicas v, each: segment v, offset v
///   version 2: traits                                                  little endian, v = LEB128
/// ```
///
/// Leases are soft and not in it.
pub(crate) fn write(key: &ObjectKey, object: &Object, out: &mut Vec<u8>) {
    let traits = object.replicas.traits();
    out.push(if traits.is_empty() {
        VERSION
    } else {
        WITH_TRAITS
    });
    write_key(key, out);
    match object.progress {
        Progress::Processing(since_ms) => {
            out.push(PROCESSING);
            write_varint(out, since_ms);
        }
        Progress::Complete(None) => out.push(COMPLETE),
        Progress::Complete(Some(checksum)) => {
            out.push(CHECKED);
            out.extend_from_slice(&checksum.to_le_bytes());
        }
    }
    write_varint(out, object.size);
    write_varint(out, u64::from(object.writer.0));
    write_varint(out, object.replicas.len() as u64);
    for place in object.replicas.iter() {
        write_varint(out, u64::from(place.segment.0));
        write_varint(out, place.offset);
    }
    if !traits.is_empty() {
        traits.write(out);
    }
}

/// Appends a key: form and bytes, as in a row.
pub(crate) fn write_key(key: &ObjectKey, out: &mut Vec<u8>) {
    match key {
        ObjectKey::Hex(packed) => {
            out.push(HEX);
            out.extend_from_slice(packed);
        }
        ObjectKey::Other(qualified) => {
            out.push(OTHER);
            write_varint(out, qualified.len() as u64);
            out.extend_from_slice(qualified);
        }
    }
}

/// Reads what [`write_key`] wrote.
pub(crate) fn read_key(input: &mut Reader<'_>) -> Option<ObjectKey> {
    match input.byte()? {
        HEX => Some(ObjectKey::Hex(input.array()?)),
        OTHER => Some(ObjectKey::Other(input.bytes()?.into())),
        _ => None,
    }
}

/// Reads what [`write`] wrote.
pub(crate) fn read(input: &mut Reader<'_>) -> Option<(ObjectKey, Object)> {
    let has_traits = match input.byte()? {
        VERSION => false,
        WITH_TRAITS => true,
        _ => return None,
    };
    let key = read_key(input)?;
    let progress = match input.byte()? {
        PROCESSING => Progress::Processing(input.varint()?),
        COMPLETE => Progress::Complete(None),
        CHECKED => Progress::Complete(Some(u64::from_le_bytes(input.array()?))),
        _ => return None,
    };
    let size = input.varint()?;
    let writer = ClientNumber(input.u32()?);
    let object = Object {
        replicas: read_replicas(input, has_traits)?,
        progress,
        size,
        writer,
        lease: Lease::default(),
    };
    Some((key, object))
}

fn read_replicas(input: &mut Reader<'_>, has_traits: bool) -> Option<Replicas> {
    let count = input.count(2)?;
    if count == 1 && !has_traits {
        return Some(Replicas::One {
            segment: input.segment()?,
            offset: input.varint()?,
        });
    }
    let places: Option<Vec<_>> = (0..count)
        .map(|_| {
            Some(Place {
                segment: input.segment()?,
                offset: input.varint()?,
            })
        })
        .collect();
    let places = places.filter(|places| !places.is_empty())?;
    let traits = if has_traits {
        Traits::read_some(input)?
    } else {
        Traits::default()
    };
    Some(Replicas::new(places, traits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::SegmentNumber;

    fn place(segment: u32, offset: u64) -> Place {
        Place {
            segment: SegmentNumber(segment),
            offset,
        }
    }

    fn rows() -> Vec<(ObjectKey, Object)> {
        let with = |progress, places, traits| Object {
            replicas: Replicas::new(places, traits),
            progress,
            size: 16_384,
            writer: ClientNumber(5),
            lease: Lease::default(),
        };
        let object = |progress, places| with(progress, places, Traits::default());
        vec![
            (
                ObjectKey::of(b"default\x000123456789abcdef0123456789abcdef"),
                object(Progress::Processing(123_456), vec![place(3, 1 << 20)]),
            ),
            (
                ObjectKey::of(b"tenant\0key"),
                object(Progress::Complete(None), vec![place(3, 0), place(300, 77)]),
            ),
            (
                ObjectKey::of(b"default\0key"),
                object(
                    Progress::Complete(Some(0x1122_3344_5566_7788)),
                    vec![place(0, 9)],
                ),
            ),
            (
                ObjectKey::of(b"default\0one"),
                with(
                    Progress::Complete(None),
                    vec![place(3, 0)],
                    Traits {
                        group: "g".to_owned(),
                        ..Traits::default()
                    },
                ),
            ),
            (
                ObjectKey::of(b"default\0two"),
                with(
                    Progress::Processing(7),
                    vec![place(3, 0), place(300, 77)],
                    Traits {
                        group: "request-1".to_owned(),
                        hard_pin: true,
                        soft_pin_ms: 600_000,
                    },
                ),
            ),
        ]
    }

    fn lines() -> String {
        let lines: Vec<_> = rows()
            .iter()
            .map(|(key, object)| {
                let mut row = Vec::new();
                write(key, object, &mut row);
                hex::encode(row)
            })
            .collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn the_golden_object_rows_are_written_and_read_to_the_byte() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/object-rows-v1.txt");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(path, lines()).unwrap();
        }
        let golden = include_str!("../../golden/object-rows-v1.txt");
        assert_eq!(lines(), golden);
        for (line, row) in golden.lines().zip(rows()) {
            let bytes = hex::decode(line).unwrap();
            let mut input = Reader(&bytes);
            assert_eq!(read(&mut input), Some(row));
            assert!(input.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(read(&mut Reader(&bytes[..cut])), None, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_row_of_another_version_is_not_read() {
        let mut row = Vec::new();
        let (key, object) = &rows()[0];
        write(key, object, &mut row);
        row[0] = 3;
        assert_eq!(read(&mut Reader(&row)), None);
    }
}
