use standfast_core::write_varint;

use crate::names::SegmentId;
use crate::op::Reader;

/// Memory that a client lends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its id.
    pub id: SegmentId,
    /// Which start of the process that lends it.
    pub incarnation: u64,
    /// For people, and for preferences; need not be unique.
    pub name: String,
    /// host:port of the process that lends it.
    pub endpoint: String,
    /// Address of its first byte there.
    pub base: u64,
    /// Bytes, at least 1.
    pub size: u64,
    /// How to reach it.
    pub protocol: String,
}

impl SegmentInfo {
    /// Appends it as log and rows keep it.
    ///
    /// ```text
    ///   id 16 · incarnation 8 · base v · size v · name · endpoint · protocol (v + bytes)
    ///                                                                      little endian, v = LEB128
    /// ```
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_bytes());
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        write_varint(out, self.base);
        write_varint(out, self.size);
        for text in [&self.name, &self.endpoint, &self.protocol] {
            write_varint(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            id: SegmentId::from_bytes(input.take(16)?)?,
            incarnation: u64::from_le_bytes(input.array()?),
            base: input.varint()?,
            size: input.varint()?,
            name: input.text()?,
            endpoint: input.text()?,
            protocol: input.text()?,
        })
    }
}
