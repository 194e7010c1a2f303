use std::cell::RefCell;

use bytes::Bytes;
use zstd::bulk::Compressor;

use super::error::error;
use super::head::{opened, seal};
use standfast_core::{Batch, Epoch, ErrorKind, Position, Result, Seq};

const MAGIC: [u8; 4] = *b"SFEB";
const VERSION: u8 = 1;
const LEN: usize = 26;
/// The frame is compressed.
const ZSTD: u8 = 1;
/// Frames below this are not worth the look: a few entries have little in common.
const WORTH_TRYING: usize = 512;
/// A frame above this is tried with so much of its beginning first.
const SAMPLE: usize = 8 << 10;
/// The fastest: the writer waits for it.
const LEVEL: i32 = 1;
/// A frame is at most this large, so that a damaged length cannot take all memory.
const LARGEST: usize = 64 << 20;

thread_local! {
    /// Its tables are made once: making them takes as long as compressing a small frame. `None` where there is no room for
    /// them, and nothing is compressed.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
}

/// A batch as it lies in etcd.
///
/// ```text
///   0       4    5       6               14        22        26
///   | SFEB  | 1  | flags | epoch before  | bytes   | CRC-32C | the frame, or the frame as zstd: flags & 1 |
/// ```
///
/// Little endian; the checksum is of the head, for the frame has its own. `epoch before` is that of the Position which the
/// batch follows: with it the first batch tells what the log begins behind, so that a trim deletes and writes nothing, which
/// etcd allows even when it is full. `bytes` is what all batches before took, see `Head`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredBatch {
    pub(super) batch: Batch,
    pub(super) epoch_before: Epoch,
    pub(super) bytes_before: u64,
}

impl StoredBatch {
    /// The end of the batch before.
    pub(super) fn before(&self) -> Position {
        Position {
            epoch: self.epoch_before,
            seq: Seq(self.batch.first().0.saturating_sub(1)),
            chain: self.batch.previous(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let frame = self.batch.frame();
        let smaller = compressed(frame);
        let body: &[u8] = smaller.as_deref().unwrap_or(frame);
        let mut out = Vec::with_capacity(LEN + body.len());
        out.extend(MAGIC);
        out.push(VERSION);
        out.push(if smaller.is_some() { ZSTD } else { 0 });
        out.extend(self.epoch_before.0.to_le_bytes());
        out.extend(self.bytes_before.to_le_bytes());
        seal(&mut out);
        out.extend(body);
        out
    }

    /// # Errors
    /// `Version`, `Corrupt`.
    pub(super) fn decode(value: &[u8]) -> Result<Self> {
        let mut fields = opened(value, MAGIC, VERSION, LEN)?;
        let [flags] = fields.take();
        let epoch_before = Epoch(u64::from_le_bytes(fields.take()));
        let bytes_before = u64::from_le_bytes(fields.take());
        let body = value.get(LEN..).unwrap_or_default();
        let frame = match flags {
            0 => Bytes::copy_from_slice(body),
            ZSTD => decompressed(body)?,
            _ => {
                return Err(error(ErrorKind::Version, "decode")
                    .context(format!("flags {flags:#x}: upgrade")));
            }
        };
        Ok(Self {
            batch: Batch::decode(frame)?,
            epoch_before,
            bytes_before,
        })
    }
}

/// The frame compressed, if that saves at least an eighth.
fn compressed(frame: &[u8]) -> Option<Vec<u8>> {
    if frame.len() < WORTH_TRYING {
        return None;
    }
    // The entries of a batch are much alike: where its beginning is noise the rest is, and the writer waits.
    if let Some((sample, _)) = frame.split_at_checked(SAMPLE) {
        smaller(sample)?;
    }
    smaller(frame)
}

fn smaller(bytes: &[u8]) -> Option<Vec<u8>> {
    let smaller = COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = compressor.as_mut()?;
        compressor.compress(bytes).ok()
    })?;
    (smaller.len() <= bytes.len() - bytes.len() / 8).then_some(smaller)
}

fn decompressed(body: &[u8]) -> Result<Bytes> {
    let broken = || error(ErrorKind::Corrupt, "decode");
    let length = match zstd::zstd_safe::get_frame_content_size(body) {
        Ok(Some(length)) => usize::try_from(length).unwrap_or(usize::MAX),
        _ => return Err(broken().context("the length of the frame is not there")),
    };
    if length > LARGEST {
        return Err(broken().context(format!("a frame of {length} bytes, at most {LARGEST} are")));
    }
    zstd::bulk::decompress(body, length)
        .map(Bytes::from)
        .map_err(|source| broken().source(source))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::log_words::{batch, cluster};

    pub(in crate::etcd) fn is_golden(name: &str, bytes: &[u8]) {
        let path = format!("{}/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, bytes).unwrap();
        }
        assert_eq!(bytes, std::fs::read(&path).unwrap(), "{name}");
    }

    fn stored(payloads: &[&[u8]]) -> StoredBatch {
        let before = batch(Epoch(2), Position::genesis(cluster()), &[b"before"]).end();
        StoredBatch {
            batch: batch(Epoch(3), before, payloads),
            epoch_before: before.epoch,
            bytes_before: 99,
        }
    }

    #[test]
    fn the_golden_batch_is_read_and_written_to_the_byte() {
        let stored = stored(&[b"x", b"y"]);
        is_golden("etcd-batch-v1.bin", &stored.encode());
        let read = StoredBatch::decode(&stored.encode()).unwrap();
        assert_eq!(read, stored);
        assert_eq!(read.before().seq, Seq(1));
        assert_eq!(read.before().epoch, Epoch(2));
    }

    #[test]
    fn what_repeats_is_stored_smaller_and_what_does_not_as_it_is() {
        for length in [4096, 5 * SAMPLE] {
            let same = stored(&[&vec![7; length]]);
            let value = same.encode();
            assert!(value.len() < 400, "{}", value.len());
            assert_eq!(StoredBatch::decode(&value).unwrap(), same);
            let noise: Vec<u8> = (0..length).map(|_| rand::random()).collect();
            let noise = stored(&[&noise]);
            assert_eq!(noise.encode().len(), LEN + noise.batch.frame().len());
            assert_eq!(StoredBatch::decode(&noise.encode()).unwrap(), noise);
        }
    }

    #[test]
    fn every_flipped_byte_is_told_or_changes_nothing() {
        let stored = stored(&[&[7; 1024], b"y"]);
        let bytes = stored.encode();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            // A bit that zstd has no use for makes no difference.
            if let Ok(read) = StoredBatch::decode(&flipped) {
                assert_eq!(read, stored, "byte {at}");
            }
        }
    }
}
