use crate::key::Target;
use crate::names::SegmentId;
use crate::request::{
    Quota, ReMount, RemoveMany, SegmentInfo, Traits, TransferKind, TransferStart,
};

/// The longest name of a group, in bytes.
pub(crate) const GROUP_LIMIT: usize = 255;

/// How an object is to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Replicas, on as many segments; at least 1.
    pub replicas: u32,
    /// Names of the segments to try first.
    pub preferred: Vec<String>,
    /// Name of the group they belong to, within the tenant: a read of one leases all. At most 255 bytes; empty: none.
    pub group: String,
    /// They are never evicted.
    pub hard_pin: bool,
    /// They are evicted only when nothing else is left, until they were not read for so long; in milliseconds, 0: no such
    /// pin.
    pub soft_pin_ms: u64,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            replicas: 1,
            preferred: Vec::new(),
            group: String::new(),
            hard_pin: false,
            soft_pin_ms: 0,
        }
    }
}

impl Placement {
    /// What of it stays with the objects.
    pub(crate) fn traits(&self) -> Traits {
        Traits {
            group: self.group.clone(),
            hard_pin: self.hard_pin,
            soft_pin_ms: self.soft_pin_ms,
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
    /// Lend a segment that was forgotten, and say which objects lie in it. One item.
    ReMount(ReMount),
    /// Take segments back.
    Unmount(Vec<SegmentId>),
    /// Take segments back after a time of grace.
    GracefulUnmount {
        /// Which.
        ids: Vec<SegmentId>,
        /// How long they are read; 0: not at all.
        grace_ms: u64,
        /// Even if they are another client's.
        force: bool,
    },
    /// Start puts of so many bytes.
    PutStart {
        /// Key and size.
        objects: Vec<(Target, u64)>,
        /// Where.
        placement: Placement,
    },
    /// Start puts of keys that may be there already, and are then written again.
    UpsertStart {
        /// Key and size.
        objects: Vec<(Target, u64)>,
        /// Where.
        placement: Placement,
    },
    /// End puts, with the checksum of what was written.
    PutEnd(Vec<(Target, Option<u64>)>),
    /// Give puts up.
    PutRevoke(Vec<Target>),
    /// Start copies or moves.
    TransferStart(TransferStart),
    /// End copies or moves, which were written.
    TransferEnd {
        /// Which of the two.
        kind: TransferKind,
        /// Objects.
        targets: Vec<Target>,
    },
    /// Give copies or moves up.
    TransferRevoke {
        /// Which of the two.
        kind: TransferKind,
        /// Objects.
        targets: Vec<Target>,
    },
    /// Remove objects.
    Remove {
        /// Which.
        targets: Vec<Target>,
        /// Even if leased or being written.
        force: bool,
    },
    /// Remove a page of objects, in one operation. One item.
    RemoveMany(RemoveMany),
    /// Set what a tenant may hold. One item.
    SetQuota {
        /// The tenant, with an empty key.
        tenant: Target,
        /// In place of what was set before.
        quota: Quota,
    },
}

impl Call {
    /// Number of items.
    pub fn items(&self) -> usize {
        match self {
            Self::Join | Self::ReMount(_) | Self::RemoveMany(_) | Self::SetQuota { .. } => 1,
            Self::Mount(segments) => segments.len(),
            Self::Unmount(ids) | Self::GracefulUnmount { ids, .. } => ids.len(),
            Self::PutStart { objects, .. } | Self::UpsertStart { objects, .. } => objects.len(),
            Self::PutEnd(ends) => ends.len(),
            Self::TransferStart(start) => start.targets.len(),
            Self::TransferEnd { targets, .. } | Self::TransferRevoke { targets, .. } => {
                targets.len()
            }
            Self::PutRevoke(targets) | Self::Remove { targets, .. } => targets.len(),
        }
    }
}
