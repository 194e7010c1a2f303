use standfast_core::write_varint;

use super::Reader;
use crate::request::{Claim, SegmentInfo};

/// A segment that was forgotten and is lent again, with objects that lie in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remounting {
    /// What is lent.
    pub segment: SegmentInfo,
    /// Nothing follows: what is free by now is held back, and behind that allocated.
    pub last: bool,
    /// How long it is held back.
    pub hold_ms: u64,
    /// How long the objects count as leased.
    pub lease_ms: u64,
    /// The objects, no two of which overlap or have one key.
    pub claims: Vec<Claim>,
}

impl Remounting {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.segment.write(out);
        out.push(u8::from(self.last));
        for number in [self.hold_ms, self.lease_ms, self.claims.len() as u64] {
            write_varint(out, number);
        }
        for claim in &self.claims {
            claim.write(out);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            segment: SegmentInfo::read(input)?,
            last: input.bool()?,
            hold_ms: input.varint()?,
            lease_ms: input.varint()?,
            claims: {
                let count = input.count(8)?;
                let claims: Option<_> = (0..count).map(|_| Claim::read(input)).collect();
                claims?
            },
        })
    }
}
