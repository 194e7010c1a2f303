use super::codec::{BlockReader, BlockWriter, PREAMBLE};
use crate::file::error::error;
use standfast_core::{ErrorKind, Position, Result};

/// The first bytes of a mark.
pub(super) const MAGIC: [u8; 4] = *b"SFMK";
const VERSION: u8 = 1;

/// Says that everything up to `committed`, the end of the frame before it, is committed; version 1.
///
/// ```text
///  at size
///   0    4  magic "SFMK"
///   4    1  version
///   5    3  zero
///   8    4  length, 48
///  12    4  CRC-32C of the mark without these four bytes
///  16   32  committed: epoch 8, seq 8, chain 16
/// ```
///
/// Written without a sync when no batch follows at once to say the same: it tells followers, and proves nothing
/// after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::file) struct Mark {
    pub(in crate::file) committed: Position,
}

impl Mark {
    pub(in crate::file) const LEN: usize = PREAMBLE + 32;

    pub(in crate::file) fn encode(self) -> Vec<u8> {
        BlockWriter::begin(MAGIC, VERSION)
            .position(self.committed)
            .seal()
    }

    pub(in crate::file) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut fields = BlockReader::open(bytes, MAGIC, VERSION, "mark")?;
        let committed = fields
            .position()
            .ok_or_else(|| error(ErrorKind::Corrupt, "decode").context("the mark is cut"))?;
        Ok(Self { committed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standfast_core::{Chain, Epoch, Seq};

    #[test]
    fn the_golden_mark_is_read_and_written_to_the_byte() {
        let mark = Mark {
            committed: Position {
                epoch: Epoch(4),
                seq: Seq(77),
                chain: Chain::of(b"m"),
            },
        };
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/segment-mark-v1.bin");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(path, mark.encode()).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        assert_eq!(golden.len(), Mark::LEN);
        assert_eq!(mark.encode(), golden);
        assert_eq!(Mark::decode(&golden).unwrap(), mark);
    }
}
