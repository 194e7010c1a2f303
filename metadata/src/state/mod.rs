//! What the service keeps: tables of objects, clients and segments, and how operations change them.

mod allocated;
mod apply;
mod apply_expire;
mod apply_put;
mod apply_remount;
mod apply_remove;
mod apply_segment;
mod apply_transfer;
mod apply_unmount;
mod apply_upsert;
mod changes;
mod forgotten;
mod global_row;
mod globals;
mod lane;
mod object;
mod object_row;
mod restore;
mod segment;
mod tables;
mod tenants;
mod transfer;

pub(crate) use apply_remount::Claimed;
#[cfg(test)]
pub(crate) use object::Replicas;
pub(crate) use object::{Lease, Object, Progress};
pub(crate) use object_row::write as write_object;
pub(crate) use restore::Shadow;
pub(crate) use segment::{Segment, SegmentStatus};
pub(crate) use tables::Tables;
pub(crate) use tenants::{Tenant, Usage};
