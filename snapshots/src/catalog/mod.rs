//! What the leader does with proposals: the catalog, retention, and how far the log may be trimmed.

mod abandon;
mod begin;
mod cataloguer;
mod collect;
mod draft;
mod guard;
mod lineage;
mod prune;
mod retention;
mod seen;
mod trim;

pub use begin::begin_catalog;
pub use cataloguer::{Cataloguer, Round};
pub use guard::PinGuard;
pub use lineage::{Lineage, MachineLineage, Verdict};
pub use prune::Pruned;
