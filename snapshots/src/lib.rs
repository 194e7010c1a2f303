//! Snapshots: capture a state while it changes, publish it, restore it, keep a few, say how far the log may be
//! trimmed.
//!
//! Knows the contracts of `standfast-core` only; the store is any [`SnapshotStore`](standfast_core::SnapshotStore).
//!
//! | who | what | uses |
//! |---|---|---|
//! | a standby, or a primary that is alone | [`Snapshotter::start`]: captures by the clock and by entries, publishes, proves | [`Publisher`] |
//! | the leader | [`Cataloguer::round`] every few seconds: lists proposals on its own lineage, marks what was attested, retires, collects | [`Lineage`] |
//! | the leader, before it trims | [`Cataloguer::trim_through`] | |
//! | a node that starts | [`Restorer::restore`], then replays the log's suffix, then [`RestorePin::release`] | |
//! | mode `snapshot` | [`EphemeralOpLog`]: a log that keeps nothing, each term behind the newest snapshot | |
//! | an operator | [`export`] into an [`Archive`], and [`import`] into an empty store | [`Restorer::hold`], [`begin_catalog`] |
//!
//! ```text
//!   Machine::want_capture ──▶ Captured ──▶ Publisher::publish ──▶ a manifest (proposal)
//!        (at a batch end)                  Publisher::prove   ──▶ an attestation
//!                                                                     │
//!   Cataloguer::round (leader) ◀──────────────────────────────────────┘
//!        wins entry n+1: listed, verified, retired ──▶ collect ──▶ trim_through
//! ```

mod archive;
mod capture;
mod catalog;
mod diff;
mod ephemeral;
mod metrics;
mod part;
mod policy;
mod publish;
mod restore;
mod snapshotter;

pub use archive::{ARCHIVE_FORMAT, Archive, ArchiveHeader, export, import};
pub use catalog::{
    Cataloguer, Lineage, MachineLineage, PinGuard, Pruned, Round, Verdict, begin_catalog,
};
pub use diff::{Change, Difference, diff};
pub use ephemeral::EphemeralOpLog;
pub use policy::SnapshotPolicy;
pub use publish::{Committed, Publisher};
pub use restore::{
    Point, Progress, RestorePin, Restored, Restorer, Tried, check_listed, is_damage,
};
pub use snapshotter::{Snapshotter, SnapshotterHandle};
