use super::varint::{read_varint, write_varint};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Chain, Epoch, NodeId, Position, Seq};

/// The format versions a node writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Versions {
    /// Of the operations it writes.
    pub written: u16,
    /// The lowest reader version that understands them.
    pub lowest_reader: u16,
    /// Of the digest: two nodes compare digests of the same version only.
    pub digest: u16,
}

/// The first entry of every term: who leads, and which history it continues.
///
/// Entries of a lower epoch beyond `previous` are dead, whenever they turn up. It is durable before the
/// term serves. The very first has genesis as `previous`.
///
/// ```text
///   format    1  = 1
///   flags     1  bit 0 = unclean: history was given up on purpose (`recover --accept-loss`)
///   epoch     8
///   previous  epoch 8, seq 8, chain 16
///   versions  written 2, lowest reader 2, digest 2
///   node      v + bytes                                    little endian, v = LEB128
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The term.
    pub epoch: Epoch,
    /// End of the history it continues.
    pub previous: Position,
    /// Its leader.
    pub node: NodeId,
    /// What it writes.
    pub versions: Versions,
    /// History was given up on purpose: the others bootstrap again.
    pub unclean: bool,
}

const FORMAT: u8 = 1;

impl EpochStart {
    /// The payload of the entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT, u8::from(self.unclean)];
        out.extend_from_slice(&self.epoch.0.to_le_bytes());
        out.extend_from_slice(&self.previous.epoch.0.to_le_bytes());
        out.extend_from_slice(&self.previous.seq.0.to_le_bytes());
        out.extend_from_slice(&self.previous.chain.0);
        for version in [
            self.versions.written,
            self.versions.lowest_reader,
            self.versions.digest,
        ] {
            out.extend_from_slice(&version.to_le_bytes());
        }
        write_varint(&mut out, self.node.as_str().len() as u64);
        out.extend_from_slice(self.node.as_str().as_bytes());
        out
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// `Version` for another format, `Corrupt` when the bytes do not make sense.
    pub fn decode(payload: &[u8]) -> Result<Self> {
        match payload.first() {
            Some(&FORMAT) => {}
            Some(other) => {
                return Err(
                    Error::new(ErrorKind::Version, "decode EpochStart").context(format!(
                        "EpochStart of format {other}, this version reads {FORMAT}: upgrade"
                    )),
                );
            }
            None => return Err(Error::new(ErrorKind::Corrupt, "decode EpochStart")),
        }
        Self::fields(payload.get(1..).unwrap_or_default())
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "decode EpochStart"))
    }

    fn fields(mut input: &[u8]) -> Option<Self> {
        fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
            let (head, rest) = input.split_first_chunk()?;
            *input = rest;
            Some(*head)
        }
        let input = &mut input;
        let [flags] = take::<1>(input)?;
        let epoch = Epoch(u64::from_le_bytes(take(input)?));
        let previous = Position {
            epoch: Epoch(u64::from_le_bytes(take(input)?)),
            seq: Seq(u64::from_le_bytes(take(input)?)),
            chain: Chain(take(input)?),
        };
        let versions = Versions {
            written: u16::from_le_bytes(take(input)?),
            lowest_reader: u16::from_le_bytes(take(input)?),
            digest: u16::from_le_bytes(take(input)?),
        };
        let length = usize::try_from(read_varint(input)?).ok()?;
        let node = NodeId::new(std::str::from_utf8(input.get(..length)?).ok()?).ok()?;
        (input.len() == length && flags <= 1).then_some(Self {
            epoch,
            previous,
            node,
            versions,
            unclean: flags == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> EpochStart {
        EpochStart {
            epoch: Epoch(7),
            previous: Position {
                epoch: Epoch(5),
                seq: Seq(42),
                chain: Chain::of(b"x"),
            },
            node: NodeId::new("node-a").unwrap(),
            versions: Versions {
                written: 2,
                lowest_reader: 1,
                digest: 3,
            },
            unclean: true,
        }
    }

    #[test]
    fn the_golden_epoch_start_is_read_and_written_to_the_byte() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/epoch-start-v1.bin");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(path, start().encode()).unwrap();
        }
        let golden = include_bytes!("../../golden/epoch-start-v1.bin");
        assert_eq!(start().encode(), golden);
        assert_eq!(EpochStart::decode(golden).unwrap(), start());
    }

    #[test]
    fn another_format_is_a_version_error_and_a_cut_one_is_corrupt() {
        let mut bytes = start().encode();
        bytes[0] = 9;
        assert_eq!(
            *EpochStart::decode(&bytes).unwrap_err().kind(),
            ErrorKind::Version
        );
        let bytes = start().encode();
        for cut in 0..bytes.len() {
            let error = EpochStart::decode(&bytes[..cut]).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt, "cut at {cut}");
        }
    }
}
