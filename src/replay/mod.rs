//! A load from a request trace, against a cluster, with a record of its own.
//!
//! A trace is what a chat service asked of its cache: a line a request, the blocks of its prompt by id. [`run`] plays it
//! as real clients would: it mounts segments, looks up the blocks of each request, and puts those that are not there.
//! Every acknowledgement goes into a [`Record`] on disk; [`check`] later asks the master for each of them. The verdict is
//! thus the client's own, whatever happened to the nodes meanwhile.

mod block;
mod block_store;
mod check;
mod crew;
#[cfg(test)]
mod fake_store;
mod gaps;
mod meter;
mod options;
mod player;
mod record;
mod report;
mod run;
mod schedule;
mod trace;

use std::time::Duration;

/// When none of the nodes can be connected to for so long, a load or a check gives up.
const REACH: Duration = Duration::from_secs(5);

pub use block::BlockKey;
pub use check::{Checked, check};
pub use meter::{Meter, Progress};
pub use options::{BatchBy, ReplayOptions, Speed};
pub use record::{Acknowledged, Record};
pub use report::Report;
pub use run::{Load, Played, run};
pub use trace::{TraceGenerator, TraceRequest, read_trace};
