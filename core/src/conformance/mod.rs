//! The conformance suite: what every backend must do, as named cases over the traits alone.
//!
//! A backend's author writes a harness ([`LogHarness`], ..) that makes fresh storages and opens handles on them as several
//! processes would. The suite brings the cases; each names the rules (OL-n, SS-n, EL-n, ..) and hazards (h01 to h32) that it
//! proves. Which of them apply is decided by what the backend declares ([`crate::OpLogCapabilities`], ..) and by what the
//! harness can do: a case that does not apply says because of what.
//!
//! Every case has a *twin*: a layer that brings the fault back which the case is there to find. [`run_twin`] proves that the
//! case can fail, on any backend that is sound.

mod case;
mod claims;
mod damage;
mod election;
mod failure;
mod log;
mod parts;
mod process;
mod report;
mod run;
mod snapshot;
mod threads;
mod wire;

pub use case::{Case, Kind, Need, Running};
pub use damage::Damage;
pub use election::{
    Election, ElectionFacts, ElectionHarness, ElectionSpace, ElectionTrial, ElectionTwist,
};
pub use failure::{Failure, Outcome};
pub use log::{Log, LogFacts, LogHarness, LogSpace, LogTrial, LogTwist, News, Wired};
pub use process::{Apart, Process};
pub use report::{Row, Verdict};
pub use run::{Plan, run, run_broken, run_case, run_twin};
pub use snapshot::{
    SnapshotFacts, SnapshotHarness, SnapshotSpace, SnapshotTrial, SnapshotTwist, Snapshots,
    WiredSnapshots,
};
pub use wire::Wire;
