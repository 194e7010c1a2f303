//! Words and contracts of Standfast.
//!
//! This crate holds what all others agree on and does no I/O: numbers and names ([`Seq`], [`Epoch`],
//! [`Position`]), the log's format ([`Batch`]), the contracts of the three stores ([`OpLogStore`],
//! [`SnapshotStore`], [`ElectionBackend`]), and what a service implements ([`StateMachine`], [`Service`]).
//!
//! The rules of a contract are numbered where the trait is (OL-n, OW-n, OT-n, FW-n, EL-n, SS-n, SM-n); tests cite
//! them.

mod batch;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod determinism;
mod election;
mod error;
mod handover;
mod oplog;
mod proposer;
mod registry;
mod snapshot;
mod state;
mod store;
mod typed;
mod units;
mod words;

pub use batch::*;
pub use clock::{BootInstant, Clock, wall_clock_ms};
#[doc(hidden)]
pub use determinism::check_deterministic;
pub use election::*;
pub use error::{Error, ErrorKind, Result};
pub use handover::{Handover, TermEnd, TermEndReason};
pub use oplog::*;
pub use proposer::Proposer;
pub use registry::{Factories, Factory, OpenContext, Registry, Scratch};
pub use snapshot::*;
pub use state::*;
pub use store::{Durability, Reach, Server, Store};
pub use typed::{Application, Change, Rows, RowsMut, Typed, TypedProposer};
pub use units::{ByteSize, Percent, Span};
pub use words::*;
