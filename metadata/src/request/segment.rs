use crate::names::SegmentId;

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
