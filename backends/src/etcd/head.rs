use super::error::error;
use standfast_core::{Chain, Epoch, ErrorKind, Position, Result, Seq};

const MAGIC: [u8; 4] = *b"SFEH";
const VERSION: u8 = 1;
const LEN: usize = 50;

/// Where the log ends: written with each batch, in the same transaction.
///
/// ```text
///   0       4    5      6        14      22          38        46      50
///   | SFEH  | 1  | begun | epoch | seq   | chain     | bytes   | CRC-32C of all before |
/// ```
///
/// Little endian. `begun` is 1 when the log was begun behind this Position and nothing has been appended since, so that no
/// batch needs to be there. `bytes` counts what all batches take that were ever appended: what the log takes now is this
/// less the same of its first batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) position: Position,
    pub(super) begun: bool,
    pub(super) bytes: u64,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LEN);
        out.extend(MAGIC);
        out.push(VERSION);
        out.push(u8::from(self.begun));
        out.extend(self.position.epoch.0.to_le_bytes());
        out.extend(self.position.seq.0.to_le_bytes());
        out.extend(self.position.chain.0);
        out.extend(self.bytes.to_le_bytes());
        seal(&mut out);
        out
    }

    /// # Errors
    /// `Version`, `Corrupt`.
    pub(super) fn decode(value: &[u8]) -> Result<Self> {
        let mut fields = opened(value, MAGIC, VERSION, LEN)?;
        let begun = fields.take::<1>() == [1];
        let position = Position {
            epoch: Epoch(u64::from_le_bytes(fields.take())),
            seq: Seq(u64::from_le_bytes(fields.take())),
            chain: Chain(fields.take()),
        };
        Ok(Self {
            position,
            begun,
            bytes: u64::from_le_bytes(fields.take()),
        })
    }
}

/// Adds the checksum of what is there.
pub(super) fn seal(out: &mut Vec<u8>) {
    out.extend(crc(out).to_le_bytes());
}

/// What follows magic and version in a checksummed head of `len` bytes at the beginning of `value`.
///
/// # Errors
/// `Version` before anything else that depends on it; `Corrupt`.
pub(super) fn opened(value: &[u8], magic: [u8; 4], version: u8, len: usize) -> Result<Fields<'_>> {
    let broken = |what: &str| error(ErrorKind::Corrupt, "decode").context(what.to_owned());
    if value.get(..4) != Some(&magic) {
        return Err(broken("the magic bytes are not there"));
    }
    match value.get(4) {
        Some(found) if *found == version => {}
        Some(found) => {
            return Err(error(ErrorKind::Version, "decode").context(format!(
                "version {found}, this program reads {version}: upgrade"
            )));
        }
        None => return Err(broken("it is cut")),
    }
    let (head, sum) = value
        .get(..len)
        .and_then(|head| head.split_last_chunk::<4>())
        .ok_or_else(|| broken("it is cut"))?;
    if crc(head) != u32::from_le_bytes(*sum) {
        return Err(broken("the checksum does not match"));
    }
    Ok(Fields(head.get(5..).unwrap_or_default()))
}

/// Fields of a head whose length was checked.
pub(super) struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self
            .0
            .split_first_chunk::<N>()
            .expect("the fields together are as long as the head");
        self.0 = rest;
        *field
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(sum).expect("CRC-32C has 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{batch, cluster};

    fn head() -> Head {
        Head {
            position: batch(Epoch(3), Position::genesis(cluster()), &[b"x"]).end(),
            begun: false,
            bytes: 4711,
        }
    }

    #[test]
    fn the_golden_head_is_read_and_written_to_the_byte() {
        super::super::stored::tests::is_golden("etcd-head-v1.bin", &head().encode());
        assert_eq!(Head::decode(&head().encode()).unwrap(), head());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_told() {
        let bytes = head().encode();
        assert_eq!(bytes.len(), LEN);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let error = Head::decode(&flipped).unwrap_err();
            let expected = if at == 4 {
                ErrorKind::Version
            } else {
                ErrorKind::Corrupt
            };
            assert_eq!(*error.kind(), expected, "byte {at}");
            Head::decode(&bytes[..at]).unwrap_err();
        }
    }
}
