//! The other end of `standfast.metadata.v1`: finds the primary, follows it, and asks again until it has an
//! answer.

mod calls;
mod find_nodes;
mod inner;
mod lend;
mod listing;
mod metadata_client;
mod options;
mod placed;
mod puts;
mod reach;
mod removal;
mod replaced;
mod retry;
mod route;
mod segment_objects;
mod session;
mod tenants;
mod transfers;
mod unmount;

pub use calls::Items;
pub use find_nodes::FindNodes;
pub use lend::{HeldObject, Holdings};
pub use listing::{ListedObject, ListedObjects, ListedSegment};
pub use metadata_client::{MetadataClient, Pong};
pub use options::ClientOptions;
pub use placed::{Placed, ReplicaAt};
pub use puts::PutObject;
pub use reach::root_cause;
pub use removal::{Removal, RemovedMany};
pub use replaced::Replaced;
pub use segment_objects::{ListedSegmentObjects, SegmentObject};
pub use tenants::{ListedTenants, TenantUsage};
pub use transfers::Transferring;
