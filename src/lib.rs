//! Standfast keeps the state of a *master* service alive through crashes.
//!
//! The master holds its state in memory; every change goes through an ordered operation log; hot standbys apply the
//! log as it grows; snapshots make cold start short; an election decides who leads. This crate wires a
//! [`Config`] to the stores it names and runs a [`Node`].

pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod discovery;
pub mod node;
#[cfg(any(feature = "cli", feature = "testing"))]
pub mod ports;
#[cfg(feature = "cli")]
pub mod replay;
mod stop;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::Config;
pub use discovery::{ClusterUrl, Discovery};
pub use node::{Node, NodeBuilder, NodeView};
pub use standfast_backends::builtin;
pub use standfast_core::{
    Application, Change, Error, ErrorKind, Proposer, Refusal, RequestHeader, Result, Role, Rows,
    RowsMut, Typed, TypedProposer, assert_deterministic,
};
pub use stop::Stop;
pub use {standfast_core, tonic};

/// Compiles what the guide shows.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../docs/writing-a-service.md")]
struct WritingAService;
