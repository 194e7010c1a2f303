//! The contract of a snapshot store: [`SnapshotStore`], and the records it keeps.

mod attestation;
mod catalog;
mod manifest;
mod store;

pub use attestation::{ATTESTATION_FORMAT, Attestation};
pub use catalog::{CATALOG_FORMAT, CatalogEntry, Listed};
pub use manifest::{
    Layer, MANIFEST_COMPLETE, MANIFEST_FORMAT, MOST_LAYERS, Manifest, PartRef, SnapshotId, UploadId,
};
pub use store::{Pin, SnapshotCapabilities, SnapshotReader, SnapshotStore, SnapshotUpload, Won};
