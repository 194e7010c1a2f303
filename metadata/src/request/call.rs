use crate::key::Target;
use crate::names::SegmentId;
use crate::request::{RemoveMany, SegmentInfo};

/// How an object is to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Replicas, on as many segments; at least 1.
    pub replicas: u32,
    /// Names of the segments to try first.
    pub preferred: Vec<String>,
    /// Name of the group they belong to, within the tenant: a read of one leases all. At most 255 bytes; empty: none.
    pub group: String,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            replicas: 1,
            preferred: Vec::new(),
            group: String::new(),
        }
    }
}

/// The body of a command: a request to change the state. Who asks is in the command's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Be known, without lending anything. One item.
    Join,
    /// Lend segments.
    Mount(Vec<SegmentInfo>),
    /// Take segments back.
    Unmount(Vec<SegmentId>),
    /// Start puts of so many bytes.
    PutStart {
        /// Key and size.
        objects: Vec<(Target, u64)>,
        /// Where.
        placement: Placement,
    },
    /// End puts, with the checksum of what was written.
    PutEnd(Vec<(Target, Option<u64>)>),
    /// Give puts up.
    PutRevoke(Vec<Target>),
    /// Remove objects.
    Remove {
        /// Which.
        targets: Vec<Target>,
        /// Even if leased or being written.
        force: bool,
    },
    /// Remove a page of objects, in one operation. One item.
    RemoveMany(RemoveMany),
}

impl Call {
    /// Number of items.
    pub fn items(&self) -> usize {
        match self {
            Self::Join | Self::RemoveMany(_) => 1,
            Self::Mount(segments) => segments.len(),
            Self::Unmount(ids) => ids.len(),
            Self::PutStart { objects, .. } => objects.len(),
            Self::PutEnd(ends) => ends.len(),
            Self::PutRevoke(targets) | Self::Remove { targets, .. } => targets.len(),
        }
    }
}
