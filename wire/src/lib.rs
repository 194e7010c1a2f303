//! Generated gRPC code of `standfast.v1`: what nodes say to each other and to operators.

mod convert;

pub use convert::{position_from_wire, position_to_wire};

/// The messages and services of `standfast.v1`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated; documented in the .proto files"
)]
pub mod v1 {
    include!("../generated/standfast.v1.rs");
}

/// The encoded descriptors of `standfast.v1`, for reflection.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!("../generated/descriptors.bin");
