use bytes::Bytes;
use standfast_core::{Entry, Error, ErrorKind, Result, Seq, write_varint};

use super::forgetting::{
    self, FOR_A_WHILE, NOT_AT_ALL, decode_expire, decode_graceful_unmount, decode_unmount,
};
use super::{Op, Range, Reader, Remounting, Start, Transfer};
use crate::error::corrupt;
use crate::key::may_be_tenant;
use crate::names::SegmentId;
use crate::request::{Cursor, Place, Quota, SegmentInfo, Traits, TransferKind};

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn write_ranges(out: &mut Vec<u8>, ranges: &[Range]) {
    write_varint(out, ranges.len() as u64);
    for range in ranges {
        write_varint(out, u64::from(range.segment.0));
        write_varint(out, range.offset);
        write_varint(out, range.length);
    }
}

pub(super) fn read_ranges(input: &mut Reader<'_>) -> Option<Vec<Range>> {
    let count = input.count(3)?;
    (0..count)
        .map(|_| {
            Some(Range {
                segment: input.segment()?,
                offset: input.varint()?,
                length: input.varint()?,
            })
        })
        .collect()
}

pub(crate) fn read_places(input: &mut Reader<'_>) -> Option<Vec<Place>> {
    let count = input.count(2)?;
    (0..count)
        .map(|_| {
            Some(Place {
                segment: input.segment()?,
                offset: input.varint()?,
            })
        })
        .collect()
}

/// All of it but the traits.
fn write_start(out: &mut Vec<u8>, start: &Start) {
    write_varint(out, start.size);
    write_varint(out, start.hold_ms);
    write_places(out, &start.places);
    write_ranges(out, &start.reserve);
}

pub(crate) fn write_places(out: &mut Vec<u8>, places: &[Place]) {
    write_varint(out, places.len() as u64);
    for place in places {
        write_varint(out, u64::from(place.segment.0));
        write_varint(out, place.offset);
    }
}

/// Keys, each with how long its memory is held back.
fn write_held_keys(out: &mut Vec<u8>, objects: &[(Vec<u8>, u64)]) {
    write_varint(out, objects.len() as u64);
    for (key, hold_ms) in objects {
        write_varint(out, *hold_ms);
        write_bytes(out, key);
    }
}

fn encode_evict(keys: &[Bytes], out: &mut Vec<u8>) {
    write_varint(out, keys.len() as u64);
    for key in keys {
        write_bytes(out, key);
    }
}

fn encode_mount(segment: &SegmentInfo, reserved: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&segment.id.to_bytes());
    out.extend_from_slice(&segment.incarnation.to_le_bytes());
    for number in [segment.base, segment.size, reserved] {
        write_varint(out, number);
    }
    for text in [&segment.name, &segment.endpoint, &segment.protocol] {
        write_bytes(out, text.as_bytes());
    }
}

impl Op {
    /// The entry's payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Join | Self::Release | Self::TransferRevoke | Self::PutEnd { checksum: None } => {
            }
            Self::Mount { segment, reserved } => encode_mount(segment, *reserved, &mut out),
            Self::Unmount { .. } | Self::GracefulUnmount { .. } | Self::Expire { .. } => {
                forgetting::encode(self, &mut out);
            }
            Self::TransferStart(transfer) => transfer.write(&mut out),
            Self::TransferEnd { kind, hold_ms } => {
                out.push(kind.to_byte());
                write_varint(&mut out, *hold_ms);
            }
            Self::PutStart(start) => {
                write_start(&mut out, start);
                if !start.traits.is_empty() {
                    start.traits.write(&mut out);
                }
            }
            Self::Upsert(start) => {
                write_start(&mut out, start);
                start.traits.write(&mut out);
            }
            Self::UpsertInPlace { traits } => traits.write(&mut out),
            Self::QuotaPolicy { tenant, quota } => {
                write_bytes(&mut out, tenant);
                quota.write(&mut out);
            }
            Self::PutEnd {
                checksum: Some(checksum),
            } => out.extend_from_slice(&checksum.to_le_bytes()),
            Self::PutRevoke { hold_ms } | Self::Remove { hold_ms } => {
                write_varint(&mut out, *hold_ms);
            }
            Self::Reserve { ranges } => write_ranges(&mut out, ranges),
            Self::Retire { through, hold_ms } => {
                write_varint(&mut out, through.0);
                write_varint(&mut out, *hold_ms);
            }
            Self::Sweep { first, buckets } => {
                write_varint(&mut out, u64::from(*first));
                write_varint(&mut out, u64::from(*buckets));
            }
            Self::RemoveMany {
                objects,
                leased,
                processing,
                next,
            } => {
                write_varint(&mut out, *leased);
                write_varint(&mut out, *processing);
                write_bytes(&mut out, &Cursor::next_to_bytes(next.as_ref()));
                write_held_keys(&mut out, objects);
            }
            Self::ReMount(remounting) => remounting.write(&mut out),
            Self::Evict { keys } => encode_evict(keys, &mut out),
        }
        out
    }

    /// Reads the operation of an entry.
    ///
    /// # Errors
    /// `Version` for an op type this version does not know, `Corrupt` when the payload does not make sense.
    pub fn decode(entry: &Entry<'_>) -> Result<Self> {
        let mut input = Reader(&entry.payload);
        let op = match entry.op_type.0 {
            16 => Some(Self::Join),
            17 => decode_mount(&mut input),
            18 => decode_unmount(&mut input, NOT_AT_ALL),
            19 => decode_expire(&mut input, NOT_AT_ALL),
            20 => read_start(&mut input, |_| Some(Traits::default())).map(Self::PutStart),
            21 => decode_put_end(&mut input),
            22 => input.varint().map(|hold_ms| Self::PutRevoke { hold_ms }),
            23 => input.varint().map(|hold_ms| Self::Remove { hold_ms }),
            24 => read_ranges(&mut input).map(|ranges| Self::Reserve { ranges }),
            25 => decode_retire(&mut input),
            26 => Some(Self::Release),
            27 => decode_sweep(&mut input),
            28 => decode_remove_many(&mut input),
            29 => read_start(&mut input, Traits::read_some).map(Self::PutStart),
            30 => decode_evict(&mut input),
            31 => read_start(&mut input, Traits::read).map(Self::Upsert),
            32 => Traits::read(&mut input).map(|traits| Self::UpsertInPlace { traits }),
            33 => Remounting::read(&mut input).map(Self::ReMount),
            34 => decode_graceful_unmount(&mut input, NOT_AT_ALL),
            35 => Transfer::read(&mut input).map(Self::TransferStart),
            36 => decode_transfer_end(&mut input),
            37 => Some(Self::TransferRevoke),
            38 => decode_unmount(&mut input, FOR_A_WHILE),
            39 => decode_graceful_unmount(&mut input, FOR_A_WHILE),
            40 => decode_expire(&mut input, FOR_A_WHILE),
            43 => decode_quota(&mut input),
            other => {
                return Err(
                    Error::new(ErrorKind::Version, "apply metadata").context(format!(
                        "op type {other} is not known to this version, which reads 16 to 40 and 43: upgrade"
                    )),
                );
            }
        };
        op.filter(|_| input.is_empty())
            .ok_or_else(|| corrupt(format!("op type {} cannot be decoded", entry.op_type)))
    }
}

fn decode_mount(input: &mut Reader<'_>) -> Option<Op> {
    let id = SegmentId::from_bytes(input.take(16)?)?;
    let incarnation = u64::from_le_bytes(input.array()?);
    let (base, size, reserved) = (input.varint()?, input.varint()?, input.varint()?);
    let segment = SegmentInfo {
        id,
        incarnation,
        name: input.text()?,
        endpoint: input.text()?,
        base,
        size,
        protocol: input.text()?,
    };
    Some(Op::Mount { segment, reserved })
}

fn read_start(
    input: &mut Reader<'_>,
    traits: impl FnOnce(&mut Reader<'_>) -> Option<Traits>,
) -> Option<Start> {
    Some(Start {
        size: input.varint()?,
        hold_ms: input.varint()?,
        places: read_places(input)?,
        reserve: read_ranges(input)?,
        traits: traits(input)?,
    })
}

fn decode_transfer_end(input: &mut Reader<'_>) -> Option<Op> {
    Some(Op::TransferEnd {
        kind: TransferKind::of_byte(input.byte()?)?,
        hold_ms: input.varint()?,
    })
}

fn decode_put_end(input: &mut Reader<'_>) -> Option<Op> {
    let checksum = if input.is_empty() {
        None
    } else {
        Some(u64::from_le_bytes(input.array()?))
    };
    Some(Op::PutEnd { checksum })
}

fn decode_retire(input: &mut Reader<'_>) -> Option<Op> {
    Some(Op::Retire {
        through: Seq(input.varint()?),
        hold_ms: input.varint()?,
    })
}

fn decode_sweep(input: &mut Reader<'_>) -> Option<Op> {
    let (first, buckets) = (input.u16()?, input.u16()?);
    (first < 1024 && (1..=1024).contains(&buckets)).then_some(Op::Sweep { first, buckets })
}

fn decode_evict(input: &mut Reader<'_>) -> Option<Op> {
    let count = input.count(1)?;
    let keys: Option<Vec<_>> = (0..count)
        .map(|_| input.bytes().map(Bytes::copy_from_slice))
        .collect();
    Some(Op::Evict { keys: keys? })
}

fn decode_quota(input: &mut Reader<'_>) -> Option<Op> {
    let tenant = input.bytes().filter(|name| may_be_tenant(name))?;
    Some(Op::QuotaPolicy {
        tenant: tenant.to_vec(),
        quota: Quota::read(input)?,
    })
}

fn decode_remove_many(input: &mut Reader<'_>) -> Option<Op> {
    let (leased, processing) = (input.varint()?, input.varint()?);
    let next = Cursor::next_from_bytes(input.bytes()?)?;
    let count = input.count(2)?;
    let objects: Option<Vec<_>> = (0..count)
        .map(|_| {
            let hold_ms = input.varint()?;
            Some((input.bytes()?.to_vec(), hold_ms))
        })
        .collect();
    Some(Op::RemoveMany {
        objects: objects?,
        leased,
        processing,
        next,
    })
}
