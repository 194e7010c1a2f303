//! `standfast.metadata.v1` on gRPC, in front of a [`standfast_core::Proposer`].

mod calls;
mod handlers;
mod listing;
mod master;
mod options;
mod pattern;
mod reads;
mod remount;
mod removal;
mod search;
mod segment_objects;
mod segments;
mod starts;
mod status;
mod tenants;
mod transfers;
mod wire;

pub use master::{Master, server};
pub use options::ServerOptions;
pub(crate) use status::{ERROR, PRIMARY};
