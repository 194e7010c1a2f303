use std::collections::BTreeSet;

use standfast_core::{Refusal, Reply, write_varint};

use crate::key::Target;
use crate::op::Reader;
use crate::request::{GROUP_LIMIT, SegmentInfo, Traits};
use crate::v1::ErrorCode;

/// A part of what a client says when it lends a segment that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReMount {
    /// The segment.
    pub segment: SegmentInfo,
    /// Objects that still lie in it.
    pub claims: Vec<Claim>,
    /// Nothing was said before.
    pub first: bool,
    /// Nothing is said behind.
    pub last: bool,
}

/// An object that lies in a segment, as the segment's client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub target: Target,
    /// Its first byte, counted from the segment's base.
    pub offset: u64,
    /// Bytes, at least 1.
    pub size: u64,
    /// As its writer gave it.
    pub checksum: Option<u64>,
    /// Its group and pins.
    pub traits: Traits,
}

impl Claim {
    /// Appends it as the log keeps it.
    ///
    /// ```text
    ///   key (v + bytes) · offset v · size v · 0 or 1, then checksum 8 · traits        little endian, v = LEB128
    /// ```
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let key = self.target.qualified();
        write_varint(out, key.len() as u64);
        out.extend_from_slice(key);
        write_varint(out, self.offset);
        write_varint(out, self.size);
        out.push(u8::from(self.checksum.is_some()));
        if let Some(checksum) = self.checksum {
            out.extend_from_slice(&checksum.to_le_bytes());
        }
        self.traits.write(out);
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            target: Target::of_qualified(input.bytes()?)?,
            offset: input.varint()?,
            size: input.varint()?,
            checksum: match input.byte()? {
                0 => None,
                1 => Some(u64::from_le_bytes(input.array()?)),
                _ => return None,
            },
            traits: Traits::read(input)?,
        })
    }

    /// Behind its last byte; `None` when there is no such number.
    fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.size)
    }
}

/// Whether all these objects can lie in a segment of `size` bytes.
pub(crate) fn check_claims(size: u64, claims: &[Claim]) -> Result<(), Refusal> {
    let invalid = |claim: &Claim, what: &str| {
        let (at, bytes) = (claim.offset, claim.size);
        Err(ErrorCode::InvalidParams.refuse(format!(
            "object {:?} of {bytes} bytes at offset {at}: {what}",
            claim.target
        )))
    };
    let mut keys = BTreeSet::new();
    for claim in claims {
        claim.target.check()?;
        if claim.size == 0 || claim.end().is_none_or(|end| end > size) {
            return invalid(claim, &format!("not in a segment of {size} bytes"));
        }
        if claim.traits.group.len() > GROUP_LIMIT {
            return invalid(claim, &format!("its group has over {GROUP_LIMIT} bytes"));
        }
        if !keys.insert(claim.target.qualified()) {
            return invalid(claim, "named twice");
        }
    }
    let mut sorted: Vec<_> = claims.iter().collect();
    sorted.sort_unstable_by_key(|claim| claim.offset);
    let overlap = sorted.windows(2).find_map(|pair| match pair {
        [before, claim] if before.end() > Some(claim.offset) => Some((before, claim)),
        _ => None,
    });
    match overlap {
        Some((before, claim)) => invalid(claim, &format!("overlaps {:?}", before.target)),
        None => Ok(()),
    }
}

/// What became of objects that a client named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReMounted {
    /// They are in the segment.
    pub restored: u64,
    /// They are not: their keys were put again meanwhile.
    pub superseded: u64,
}

impl ReMounted {
    /// The counts as a reply, which its session remembers.
    ///
    /// ```text
    ///   restored v · superseded v        v = LEB128
    /// ```
    pub(crate) fn to_reply(self) -> Reply {
        let mut out = Vec::with_capacity(8);
        write_varint(&mut out, self.restored);
        write_varint(&mut out, self.superseded);
        Reply(out)
    }

    /// What a reply tells; `None` for another reply.
    pub fn of_reply(reply: &Reply) -> Option<Self> {
        let mut input = Reader(&reply.0);
        let told = Self {
            restored: input.varint()?,
            superseded: input.varint()?,
        };
        input.is_empty().then_some(told)
    }
}
