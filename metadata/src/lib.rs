//! Metadata service of a distributed KV cache on Standfast.
//!
//! Clients lend memory *segments*; objects are placed as *replicas* into them; this service knows where they
//! are, and never touches the data. [`MetadataService`] is the state: what changes it is in [`Op`], what may be
//! asked of it in [`Call`] and [`Question`]. [`server`] puts it on gRPC (`standfast.metadata.v1`),
//! [`MetadataClient`] is the other end.

mod client;
mod config;
mod error;
mod grpc;
mod key;
mod names;
mod op;
mod request;
mod service;
mod space;
mod state;

pub use client::{
    ClientOptions, FindNodes, HeldObject, Holdings, Items, ListedObject, ListedObjects,
    ListedSegment, ListedSegmentObjects, ListedTenants, MetadataClient, Placed, Pong, PutObject,
    Removal, RemovedMany, Replaced, ReplicaAt, SegmentObject, TenantUsage, Transferring,
    root_cause,
};
pub use config::{AllocationStrategy, MetadataConfig};
pub use grpc::{Master, ServerOptions, server};
pub use key::{KEY_LIMIT, Target};
pub use names::{ClientId, SegmentId, SegmentNumber};
pub use op::{Op, Range, Remounting, Start, Transfer};
pub use request::{
    Answer, Call, Claim, Cursor, Found, ListObjects, ListSegmentObjects, Located, ObjectPage,
    ObjectRow, Place, Placement, Question, Quota, ReMount, ReMounted, RemoveMany, RemovedPage,
    SegmentInfo, SegmentObjectPage, SegmentObjectRow, SegmentPage, SegmentRow, TenantPage,
    TenantRow, Traits, TransferKind, TransferStart,
};
pub use service::MetadataService;

/// The messages and services of `standfast.metadata.v1`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated; documented in the .proto files"
)]
pub mod v1 {
    include!("../generated/standfast.metadata.v1.rs");
}

pub use v1::ErrorCode;

/// The encoded descriptors of `standfast.metadata.v1`, for reflection.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!("../generated/descriptors.bin");
