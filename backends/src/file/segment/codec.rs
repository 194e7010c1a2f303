//! What the fixed blocks of a segment have in common: magic, version, length, checksum.

use crate::file::error::error;
use standfast_core::{Chain, Epoch, ErrorKind, Position, Result, Seq};

/// Where the checksum of a block lies; it covers everything else.
const CRC_AT: usize = 12;

/// Length of magic, version, length and checksum.
pub(super) const PREAMBLE: usize = 16;

/// Writes fields behind a preamble, little endian.
pub(in crate::file) struct BlockWriter(Vec<u8>);

impl BlockWriter {
    pub(in crate::file) fn begin(magic: [u8; 4], version: u8) -> Self {
        let mut bytes = magic.to_vec();
        bytes.extend_from_slice(&[version, 0, 0, 0]);
        bytes.extend_from_slice(&[0; 8]);
        Self(bytes)
    }

    pub(in crate::file) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(in crate::file) fn sixteen(mut self, bytes: [u8; 16]) -> Self {
        self.0.extend_from_slice(&bytes);
        self
    }

    pub(in crate::file) fn position(self, position: Position) -> Self {
        self.number(position.epoch.0)
            .number(position.seq.0)
            .sixteen(position.chain.0)
    }

    /// Fills in length and checksum.
    pub(in crate::file) fn seal(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).expect("a block has a few fields");
        put(&mut self.0, 8, length);
        let crc = checksum(&self.0);
        put(&mut self.0, CRC_AT, crc);
        self.0
    }
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    for (to, from) in bytes.iter_mut().skip(at).zip(number.to_le_bytes()) {
        *to = from;
    }
}

/// CRC-32C over the block without the checksum itself.
fn checksum(block: &[u8]) -> u32 {
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    let (head, rest) = block.split_at(CRC_AT.min(block.len()));
    crc.update(head);
    crc.update(rest.get(4..).unwrap_or_default());
    u32::try_from(crc.finalize()).expect("a CRC-32 has 32 bits")
}

/// Reads fields behind a preamble that has been checked.
pub(super) struct BlockReader<'a>(&'a [u8]);

impl<'a> BlockReader<'a> {
    /// Checks magic, length and checksum, and only then the version: a newer one is `Version`, a damaged one
    /// `Corrupt`.
    pub(super) fn open(block: &'a [u8], magic: [u8; 4], version: u8, what: &str) -> Result<Self> {
        let damaged = || {
            error(ErrorKind::Corrupt, "decode")
                .context(format!("this is no {what}, or a damaged one"))
        };
        let mut preamble = Self(block);
        let head = preamble.take::<8>().ok_or_else(damaged)?;
        let length = u32::from_le_bytes(preamble.take().ok_or_else(damaged)?);
        let crc = u32::from_le_bytes(preamble.take().ok_or_else(damaged)?);
        let sound = head.first_chunk() == Some(&magic)
            && length as usize == block.len()
            && checksum(block) == crc;
        if !sound {
            return Err(damaged());
        }
        let found = head.get(4).copied().unwrap_or(0);
        if found != version {
            return Err(error(ErrorKind::Version, "decode").context(format!(
                "a {what} of version {found}, this program reads {version}: upgrade"
            )));
        }
        Ok(preamble)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn sixteen(&mut self) -> Option<[u8; 16]> {
        self.take()
    }

    pub(super) fn position(&mut self) -> Option<Position> {
        Some(Position {
            epoch: Epoch(self.number()?),
            seq: Seq(self.number()?),
            chain: Chain(self.sixteen()?),
        })
    }
}
