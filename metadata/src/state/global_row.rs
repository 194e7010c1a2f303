use std::borrow::Cow;

use standfast_core::{Seq, write_varint};

use super::segment::{Dismissed, SegmentStatus};
use super::transfer::UnderWay;
use crate::key::{ObjectKey, may_be_tenant};
use crate::names::{ClientId, ClientNumber, SegmentId, SegmentNumber};
use crate::op::{Range, Reader};
use crate::request::{Quota, SegmentInfo};
use crate::space::Reservation;

const VERSION: u8 = 1;

/// The numbers that go on counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Of the next client that joins.
    pub(crate) next_client: u32,
    /// Of the next segment that is mounted.
    pub(crate) next_segment: u32,
    /// The bucket that is swept next.
    pub(crate) sweep_next: u16,
    /// How many buckets may still hold replicas in segments that are gone.
    pub(crate) sweep_left: u16,
}

/// A range that is not used before a certain stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    pub(crate) until_ms: u64,
    pub(crate) range: Range,
}

/// A row that belongs to no key, as it is hashed and kept in snapshots.
///
/// ```text
///   version 1 = 1 · kind 1, then
///   0 counters     next client v · next segment v · sweep next v · sweep left v; absent while all are 0
///   1 client       number v · id 16
///   2 segment      number v · owner v · id 16 · incarnation 8 · base v · size v · name · endpoint · protocol (v + bytes)
///   3 reservation  segment v · offset v · length v · seq v
///   4 held back    until v · segment v · offset v · length v
///   5 status       segment v, then 1 remounting · 2 unmounting, at ms v, dismissed 1; absent while it is mounted
///   6 dismissed    id 16 · incarnation 8 · owner v
///   7 under way    kind 1 (0 copy, 1 move) · client v · since ms v · hold ms v · size v
///                  · source and targets v, each: segment v, offset v · key (v + bytes)
///   8 quota        tenant (v + bytes) · quota; absent while it limits nothing
///   9 forgotten    id 16 · incarnation 8 · until v                                   little endian, v = LEB128
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GlobalRow<'a> {
    Counters(Counters),
    Client(ClientNumber, ClientId),
    Segment(SegmentNumber, ClientNumber, Cow<'a, SegmentInfo>),
    Reservation(SegmentNumber, Reservation),
    Held(Held),
    Status(SegmentNumber, SegmentStatus),
    Dismissed(SegmentId, Dismissed),
    /// Of a qualified key.
    UnderWay(Vec<u8>, Cow<'a, UnderWay>),
    Quota(Cow<'a, [u8]>, Quota),
    /// An incarnation of a segment, and until when its memory may be in use.
    Forgotten(SegmentId, u64, u64),
}

impl<'a> GlobalRow<'a> {
    pub(crate) fn transfer(key: &ObjectKey, under_way: &'a UnderWay) -> Self {
        Self::UnderWay(key.qualified(), Cow::Borrowed(under_way))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        match self {
            Self::Counters(counters) => {
                out.push(0);
                write_all(
                    out,
                    [
                        counters.next_client.into(),
                        counters.next_segment.into(),
                        counters.sweep_next.into(),
                        counters.sweep_left.into(),
                    ],
                );
            }
            Self::Client(number, id) => {
                out.push(1);
                write_all(out, [number.0.into()]);
                out.extend_from_slice(&id.to_bytes());
            }
            Self::Segment(number, owner, info) => {
                out.push(2);
                write_all(out, [number.0.into(), owner.0.into()]);
                info.write(out);
            }
            Self::Reservation(segment, range) => {
                out.push(3);
                write_all(
                    out,
                    [segment.0.into(), range.offset, range.length, range.seq.0],
                );
            }
            Self::Held(held) => {
                out.push(4);
                let Range {
                    segment,
                    offset,
                    length,
                } = held.range;
                write_all(out, [held.until_ms, segment.0.into(), offset, length]);
            }
            Self::Status(segment, status) => {
                out.push(5);
                write_all(out, [segment.0.into()]);
                status.write(out);
            }
            Self::UnderWay(key, under_way) => {
                out.push(7);
                under_way.write(out);
                write_all(out, [key.len() as u64]);
                out.extend_from_slice(key);
            }
            Self::Dismissed(id, dismissed) => {
                out.push(6);
                write_incarnation(out, *id, dismissed.incarnation);
                write_all(out, [dismissed.owner.0.into()]);
            }
            Self::Forgotten(id, incarnation, until_ms) => {
                out.push(9);
                write_incarnation(out, *id, *incarnation);
                write_all(out, [*until_ms]);
            }
            Self::Quota(tenant, quota) => {
                out.push(8);
                write_all(out, [tenant.len() as u64]);
                out.extend_from_slice(tenant);
                quota.write(out);
            }
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Self> {
        if input.byte()? != VERSION {
            return None;
        }
        Some(match input.byte()? {
            0 => Self::Counters(Counters {
                next_client: input.u32()?,
                next_segment: input.u32()?,
                sweep_next: input.u16()?,
                sweep_left: input.u16()?,
            }),
            1 => {
                let number = ClientNumber(input.u32()?);
                Self::Client(number, ClientId::from_bytes(input.take(16)?)?)
            }
            2 => {
                let (number, owner) = (input.segment()?, ClientNumber(input.u32()?));
                Self::Segment(number, owner, Cow::Owned(SegmentInfo::read(input)?))
            }
            3 => {
                let segment = input.segment()?;
                let range = Reservation {
                    offset: input.varint()?,
                    length: input.varint()?,
                    seq: Seq(input.varint()?),
                };
                Self::Reservation(segment, range)
            }
            4 => Self::Held(Held {
                until_ms: input.varint()?,
                range: Range {
                    segment: input.segment()?,
                    offset: input.varint()?,
                    length: input.varint()?,
                },
            }),
            5 => Self::Status(input.segment()?, SegmentStatus::read(input)?),
            7 => {
                let under_way = UnderWay::read(input)?;
                Self::UnderWay(input.bytes()?.to_vec(), Cow::Owned(under_way))
            }
            6 => {
                let id = SegmentId::from_bytes(input.take(16)?)?;
                let dismissed = Dismissed {
                    incarnation: u64::from_le_bytes(input.array()?),
                    owner: ClientNumber(input.u32()?),
                };
                Self::Dismissed(id, dismissed)
            }
            8 => {
                let tenant = input.bytes().filter(|name| may_be_tenant(name))?;
                let quota = Quota::read(input).filter(|quota| !quota.is_none())?;
                Self::Quota(Cow::Owned(tenant.to_vec()), quota)
            }
            9 => {
                let id = SegmentId::from_bytes(input.take(16)?)?;
                let incarnation = u64::from_le_bytes(input.array()?);
                Self::Forgotten(id, incarnation, input.varint()?)
            }
            _ => return None,
        })
    }
}

fn write_all<const N: usize>(out: &mut Vec<u8>, numbers: [u64; N]) {
    for number in numbers {
        write_varint(out, number);
    }
}

fn write_incarnation(out: &mut Vec<u8>, id: SegmentId, incarnation: u64) {
    out.extend_from_slice(&id.to_bytes());
    out.extend_from_slice(&incarnation.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(segment: u32, offset: u64) -> crate::request::Place {
        crate::request::Place {
            segment: SegmentNumber(segment),
            offset,
        }
    }

    fn info() -> SegmentInfo {
        SegmentInfo {
            id: SegmentId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
            incarnation: 7,
            name: "node-1".to_owned(),
            endpoint: "10.0.0.1:9000".to_owned(),
            base: 0x7f00_0000_0000,
            size: 1 << 30,
            protocol: "rdma".to_owned(),
        }
    }

    fn rows() -> Vec<GlobalRow<'static>> {
        let range = Range {
            segment: SegmentNumber(3),
            offset: 4096,
            length: 65_536,
        };
        vec![
            GlobalRow::Counters(Counters {
                next_client: 300,
                next_segment: 4,
                sweep_next: 1023,
                sweep_left: 512,
            }),
            GlobalRow::Client(ClientNumber(299), ClientId(9)),
            GlobalRow::Segment(SegmentNumber(3), ClientNumber(299), Cow::Owned(info())),
            GlobalRow::Reservation(
                SegmentNumber(3),
                Reservation {
                    offset: 0,
                    length: 4096,
                    seq: Seq(1_000_000),
                },
            ),
            GlobalRow::Held(Held {
                until_ms: 600_000,
                range,
            }),
            GlobalRow::Status(SegmentNumber(3), SegmentStatus::Remounting),
            GlobalRow::Status(
                SegmentNumber(3),
                SegmentStatus::Unmounting {
                    at_ms: 600_000,
                    dismissed: true,
                },
            ),
            GlobalRow::UnderWay(
                b"default\0k".to_vec(),
                Cow::Owned(UnderWay {
                    kind: crate::request::TransferKind::Move,
                    client: ClientNumber(299),
                    since_ms: 7,
                    hold_ms: 600_000,
                    size: 65_536,
                    source: place(3, 0),
                    targets: vec![place(300, 4096)],
                }),
            ),
            GlobalRow::Dismissed(
                SegmentId(9),
                Dismissed {
                    incarnation: 7,
                    owner: ClientNumber(299),
                },
            ),
            GlobalRow::Quota(
                Cow::Borrowed(b"tenant"),
                Quota {
                    bytes: Some(10 << 30),
                    objects: Some(1000),
                },
            ),
            GlobalRow::Forgotten(SegmentId(9), 7, 600_000),
        ]
    }

    fn lines() -> String {
        let lines: Vec<_> = rows()
            .iter()
            .map(|row| {
                let mut bytes = Vec::new();
                row.write(&mut bytes);
                hex::encode(bytes)
            })
            .collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn the_golden_global_rows_are_written_and_read_to_the_byte() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/global-rows-v1.txt");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(path, lines()).unwrap();
        }
        let golden = include_str!("../../golden/global-rows-v1.txt");
        assert_eq!(lines(), golden);
        for (line, row) in golden.lines().zip(rows()) {
            let bytes = hex::decode(line).unwrap();
            let mut input = Reader(&bytes);
            assert_eq!(GlobalRow::read(&mut input), Some(row));
            assert!(input.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(GlobalRow::read(&mut Reader(&bytes[..cut])), None);
            }
        }
    }
}
