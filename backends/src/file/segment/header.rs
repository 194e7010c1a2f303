use super::codec::{BlockReader, BlockWriter, PREAMBLE};
use super::name::SegmentName;
use crate::file::error::error;
use standfast_core::{Chain, Epoch, ErrorKind, Fingerprint, Position, Result, Seq};

const MAGIC: [u8; 4] = *b"SFSG";
const VERSION: u8 = 1;
/// Of a segment that a follower fills.
const FOLLOWED: u8 = 2;

/// How a segment begins, version 1, or 2 where a follower fills it. All numbers little endian.
///
/// ```text
///  at size
///   0    4  magic "SFSG"
///   4    1  version: 1: the frames behind the settled ones are of the epoch in the name; 2: of that or of lower ones, as
///           the primary of that epoch sent them
///   5    3  zero
///   8    4  length of the header, 128
///  12    4  CRC-32C of the header without these four bytes
///  16   16  fingerprint of the cluster
///  32    8  epoch: who writes this file
///  40    8  seq of the first entry
///  48   32  previous: the Position that the first frame follows; known committed
///  80    8  parent: first seq and ..
///  88    8  .. epoch of the segment that holds `previous`; zero at genesis
///  96   32  settled: end of the frames that were copied here from older epochs
/// 128    -  frames and marks, each beginning at a multiple of 8
/// ```
///
/// The header says where the writer of an epoch stood when it began: every higher epoch that finds the file builds
/// on `settled`, and no reader has to guess which of several branches is history.
///
/// The file appears under its name when header and copied frames are synced; both are never torn. Behind the last
/// frame there are at least [`super::GUARD`] zero bytes, synced before the frame was written. So a file that
/// ends earlier was cut, and a frame that is not whole was torn or never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::file) struct SegmentHeader {
    pub(in crate::file) cluster: Fingerprint,
    pub(in crate::file) name: SegmentName,
    pub(in crate::file) previous: Position,
    /// The segment that holds `previous`; `None` at genesis.
    pub(in crate::file) parent: Option<SegmentName>,
    pub(in crate::file) settled: Position,
    /// Whether it is filled with what the primary of its epoch sends.
    pub(in crate::file) followed: bool,
}

impl SegmentHeader {
    pub(in crate::file) const LEN: usize = PREAMBLE + 16 + 16 + 32 + 16 + 32;

    pub(in crate::file) fn encode(&self) -> Vec<u8> {
        let parent = self.parent.unwrap_or(SegmentName {
            epoch: Epoch::ZERO,
            first: Seq::ZERO,
        });
        let version = if self.followed { FOLLOWED } else { VERSION };
        BlockWriter::begin(MAGIC, version)
            .sixteen(self.cluster.bytes())
            .number(self.name.epoch.0)
            .number(self.name.first.0)
            .position(self.previous)
            .number(parent.first.0)
            .number(parent.epoch.0)
            .position(self.settled)
            .seal()
    }

    pub(in crate::file) fn decode(bytes: &[u8]) -> Result<Self> {
        let followed = bytes.get(MAGIC.len()) == Some(&FOLLOWED);
        let version = if followed { FOLLOWED } else { VERSION };
        let mut fields = BlockReader::open(bytes, MAGIC, version, "segment header")?;
        Self::fields(&mut fields, followed)
            .ok_or_else(|| error(ErrorKind::Corrupt, "decode").context("the segment header is cut"))
    }

    fn fields(fields: &mut BlockReader<'_>, followed: bool) -> Option<Self> {
        let cluster = Fingerprint::from_chain(Chain(fields.sixteen()?));
        let epoch = Epoch(fields.number()?);
        let first = Seq(fields.number()?);
        let previous = fields.position()?;
        let parent = SegmentName {
            first: Seq(fields.number()?),
            epoch: Epoch(fields.number()?),
        };
        Some(Self {
            cluster,
            name: SegmentName { epoch, first },
            previous,
            parent: (parent.epoch != Epoch::ZERO).then_some(parent),
            settled: fields.position()?,
            followed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::cluster;

    fn header() -> SegmentHeader {
        let position = |epoch, seq, text: &str| Position {
            epoch: Epoch(epoch),
            seq: Seq(seq),
            chain: Chain::of(text.as_bytes()),
        };
        SegmentHeader {
            cluster: cluster(),
            name: SegmentName {
                epoch: Epoch(4),
                first: Seq(10),
            },
            previous: position(2, 9, "p"),
            parent: Some(SegmentName {
                epoch: Epoch(3),
                first: Seq(5),
            }),
            settled: position(3, 12, "s"),
            followed: false,
        }
    }

    #[test]
    fn the_golden_headers_are_read_and_written_to_the_byte() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
        for (version, followed) in [(1, false), (2, true)] {
            let header = SegmentHeader {
                followed,
                ..header()
            };
            let path = format!("{folder}/segment-header-v{version}.bin");
            if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
                std::fs::write(&path, header.encode()).unwrap();
            }
            let golden = std::fs::read(path).unwrap();
            assert_eq!(golden.len(), SegmentHeader::LEN);
            assert_eq!(header.encode(), golden);
            assert_eq!(SegmentHeader::decode(&golden).unwrap(), header);
        }
    }

    #[test]
    fn every_cut_and_every_flip_of_a_header_is_corrupt() {
        let sound = header().encode();
        for at in 0..sound.len() {
            let cut = SegmentHeader::decode(&sound[..at]).unwrap_err();
            assert_eq!(*cut.kind(), ErrorKind::Corrupt, "cut at {at}");
            for bit in 0..8 {
                let mut flipped = sound.clone();
                flipped[at] ^= 1 << bit;
                let error = SegmentHeader::decode(&flipped).unwrap_err();
                assert_eq!(*error.kind(), ErrorKind::Corrupt, "bit {bit} of {at}");
            }
        }
    }

    #[test]
    fn a_sound_header_of_a_newer_version_is_refused_as_such() {
        let newer = BlockWriter::begin(MAGIC, FOLLOWED + 1).number(1).seal();
        let error = SegmentHeader::decode(&newer).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Version);
    }
}
