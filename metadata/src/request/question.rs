use std::sync::Arc;

use standfast_core::Refusal;

use crate::key::Target;
use crate::names::{ClientId, SegmentId, SegmentNumber};
use crate::request::{
    ListObjects, ListSegmentObjects, ObjectPage, SegmentInfo, SegmentObjectPage, SegmentPage,
    TenantPage, TenantRow,
};

/// The body of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Where objects lie; grants leases. Answered by [`Answer::Located`].
    Locate {
        /// Who asks; a sign of life.
        client: ClientId,
        /// What about.
        targets: Vec<Target>,
    },
    /// Whether objects can be read; grants leases. Answered by [`Answer::Exist`].
    Exist {
        /// Who asks; a sign of life.
        client: ClientId,
        /// What about.
        targets: Vec<Target>,
    },
    /// A sign of life. Answered by [`Answer::Pong`].
    Ping {
        /// Whose.
        client: ClientId,
        /// The segments and incarnations it believes mounted.
        mounted: Vec<(SegmentId, u64)>,
    },
    /// What these numbers stand for. Answered by [`Answer::Segments`].
    Segments(Vec<SegmentNumber>),
    /// Which objects there are. Answered by [`Answer::Objects`].
    ListObjects(ListObjects),
    /// Which segments are mounted, from a number on. Answered by [`Answer::SegmentPage`].
    ListSegments {
        /// The lowest number of the page.
        from: SegmentNumber,
        /// Most segments of the page, at least 1.
        limit: usize,
    },
    /// Which objects have a replica in a segment. Answered by [`Answer::SegmentObjects`].
    ListSegmentObjects(ListSegmentObjects),
    /// What a tenant holds and may hold; its key is empty. Answered by [`Answer::Tenant`].
    Tenant(Target),
    /// Which tenants hold anything or have a quota. Answered by [`Answer::Tenants`].
    ListTenants {
        /// Names behind this one.
        after: Vec<u8>,
        /// Most tenants of the page, at least 1.
        limit: usize,
    },
    /// Nothing: whether this node may answer at all. Answered by [`Answer::Nothing`].
    Nothing,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Where objects lie.
    Located {
        /// One for each target.
        objects: Vec<Result<Located, Refusal>>,
        /// How long those that were found are safe from removal.
        lease_ms: u64,
    },
    /// One for each target.
    Exist(Vec<Result<bool, Refusal>>),
    /// To a sign of life.
    Pong {
        /// Whether the state knows the client and everything it believes mounted.
        known: bool,
        /// Without a sign of life for this long it is expired.
        client_ttl_ms: u64,
    },
    /// One for each number; `None` when it is not mounted.
    Segments(Vec<Option<Arc<SegmentInfo>>>),
    /// A page of objects.
    Objects(ObjectPage),
    /// A page of segments.
    SegmentPage(SegmentPage),
    /// A page of the objects of a segment; refused when it is not mounted.
    SegmentObjects(Result<SegmentObjectPage, Refusal>),
    /// A tenant.
    Tenant(TenantRow),
    /// A page of tenants.
    Tenants(TenantPage),
    /// To nothing.
    Nothing,
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Bytes of each replica.
    pub size: u64,
    /// As its writer gave it; `None` before its put has ended.
    pub checksum: Option<u64>,
    /// The replicas in mounted segments, at least one.
    pub replicas: Vec<Found>,
}

/// A replica in a mounted segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The segment.
    pub segment: Arc<SegmentInfo>,
    /// First byte, counted from the segment's base.
    pub offset: u64,
}
