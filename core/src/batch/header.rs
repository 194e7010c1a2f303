use crate::error::{Error, ErrorKind, Result};
use crate::words::{Chain, Digest, Epoch, Position, Seq};

/// The first four bytes of every batch frame.
pub const MAGIC: [u8; 4] = *b"SFOB";
/// The format this version writes, and the newest it reads.
pub const FORMAT_VERSION: u8 = 1;
/// Length of the fixed part of a frame, in bytes.
pub const HEADER_LEN: usize = 96;
/// Where the bytes begin that the chain covers.
pub(super) const CHAINED_FROM: usize = 16;
/// Where the checksum lies.
const CRC_AT: usize = 12;

const FLAG_DIGEST: u8 = 1;

/// The fixed part of a batch frame, version 1. All numbers little endian.
///
/// ```text
///  at size
///   0    4  magic "SFOB"
///   4    1  version
///   5    1  flags: bit 0 = a digest is present
///   6    2  zero
///   8    4  length of the whole frame
///  12    4  CRC-32C of bytes 0..12 and 16..length
///  16    8  epoch                       <- the chain covers from here to the end
///  24    8  seq of the first entry
///  32    4  number of entries
///  36    4  zero
///  40    8  committed: highest seq known committed when the batch was formed
///  48   16  previous chain
///  64    8  base time stamp, ms
///  72    8  seq of the batch end that the digest is of, or zero
///  80   16  digest, or zero
///  96    -  entries
/// ```
///
/// The length and checksum come first, so that a reader of a file can tell a torn frame before it
/// believes anything in it; the chain leaves them out, because they say nothing about history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Length of the whole frame.
    pub length: u32,
    /// Term that wrote it.
    pub epoch: Epoch,
    /// Seq of the first entry.
    pub first: Seq,
    /// Number of entries, at least 1.
    pub count: u32,
    /// Highest seq known committed when the batch was formed.
    pub committed: Seq,
    /// Chain before it.
    pub previous: Chain,
    /// Base of the entries' time stamps.
    pub base_ms: u64,
    /// Digest of the state at an earlier batch end.
    pub digest: Option<(Seq, Digest)>,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .first_chunk()
        .map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..at + 8)?
        .first_chunk()
        .map(|b| u64::from_le_bytes(*b))
}

fn sixteen_at(bytes: &[u8], at: usize) -> Option<[u8; 16]> {
    bytes.get(at..at + 16)?.first_chunk().copied()
}

fn corrupt(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, "decode batch").context(what)
}

impl FrameHeader {
    /// The seq of the last entry.
    pub fn last(&self) -> Seq {
        Seq(self.first.0 + u64::from(self.count) - 1)
    }

    /// The Position before the batch, as far as the frame tells: its epoch is not in it.
    pub fn is_next_after(&self, position: Position) -> bool {
        self.previous == position.chain && self.first == position.seq.next()
    }

    /// Writes the header over the first [`HEADER_LEN`] bytes of `frame` and seals it with the checksum.
    pub(super) fn seal(&self, frame: &mut [u8]) {
        let mut head = Vec::with_capacity(HEADER_LEN);
        head.extend_from_slice(&MAGIC);
        head.push(FORMAT_VERSION);
        head.push(if self.digest.is_some() {
            FLAG_DIGEST
        } else {
            0
        });
        head.extend_from_slice(&[0; 2]);
        head.extend_from_slice(&self.length.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&self.epoch.0.to_le_bytes());
        head.extend_from_slice(&self.first.0.to_le_bytes());
        head.extend_from_slice(&self.count.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&self.committed.0.to_le_bytes());
        head.extend_from_slice(&self.previous.0);
        head.extend_from_slice(&self.base_ms.to_le_bytes());
        let (seq, digest) = self.digest.unwrap_or_default();
        head.extend_from_slice(&seq.0.to_le_bytes());
        head.extend_from_slice(&digest.0.to_le_bytes());
        for (to, from) in frame.iter_mut().zip(&head) {
            *to = *from;
        }
        let crc = checksum(frame);
        for (to, from) in frame.iter_mut().skip(CRC_AT).zip(crc.to_le_bytes()) {
            *to = from;
        }
    }

    /// Length of the frame that begins at `bytes`, if it begins with our magic: enough to know how many
    /// bytes to read before [`Self::open`].
    pub fn peek_length(bytes: &[u8]) -> Option<usize> {
        (bytes.first_chunk() == Some(&MAGIC))
            .then(|| u32_at(bytes, 8))?
            .map(|n| n as usize)
    }

    /// Checks and reads the header of `frame`, which is exactly one frame.
    ///
    /// # Errors
    /// `Version` for a format that is not ours to read; `Corrupt` for anything else that is off.
    pub fn open(frame: &[u8]) -> Result<Self> {
        if frame.len() < HEADER_LEN {
            return Err(corrupt(format!(
                "{} bytes, a header is {HEADER_LEN}",
                frame.len()
            )));
        }
        if frame.first_chunk() != Some(&MAGIC) {
            return Err(corrupt("the magic is not SFOB"));
        }
        let short = || corrupt("the header is cut");
        let length = u32_at(frame, 8).ok_or_else(short)?;
        if length as usize != frame.len() {
            return Err(corrupt(format!(
                "length {length}, but {} bytes",
                frame.len()
            )));
        }
        let crc = u32_at(frame, CRC_AT).ok_or_else(short)?;
        let found = checksum(frame);
        if crc != found {
            return Err(corrupt(format!(
                "checksum {found:08x}, the frame says {crc:08x}"
            )));
        }
        let version = frame.get(4).copied().unwrap_or(0);
        if version != FORMAT_VERSION {
            return Err(
                Error::new(ErrorKind::Version, "decode batch").context(format!(
                    "the batch is of format {version}, this version reads {FORMAT_VERSION}: upgrade"
                )),
            );
        }
        let header = Self::fields(frame, length).ok_or_else(short)?;
        if header.count == 0 || header.first == Seq::ZERO {
            return Err(corrupt(format!(
                "{} entries from seq {}",
                header.count, header.first
            )));
        }
        Ok(header)
    }

    fn fields(frame: &[u8], length: u32) -> Option<Self> {
        let digest = (frame.get(5)? & FLAG_DIGEST != 0).then(|| {
            let digest = Digest(u128::from_le_bytes(sixteen_at(frame, 80)?));
            Some((Seq(u64_at(frame, 72)?), digest))
        });
        Some(Self {
            length,
            epoch: Epoch(u64_at(frame, 16)?),
            first: Seq(u64_at(frame, 24)?),
            count: u32_at(frame, 32)?,
            committed: Seq(u64_at(frame, 40)?),
            previous: Chain(sixteen_at(frame, 48)?),
            base_ms: u64_at(frame, 64)?,
            digest: digest.flatten(),
        })
    }
}

/// CRC-32C over the frame without the four bytes of the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    let (head, rest) = frame.split_at(CRC_AT.min(frame.len()));
    crc.update(head);
    crc.update(rest.get(4..).unwrap_or_default());
    u32::try_from(crc.finalize()).expect("32 bits wide")
}
