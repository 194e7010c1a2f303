//! The bridge between following and leading.

use std::fmt;

use crate::election::Leadership;
use crate::error::Error;
use crate::oplog::OpLogWriter;
use crate::state::SharedMachine;
use crate::words::{NodeId, Position};

/// What promotion gives to a term: everything is fenced, drained and durable, and nothing is served yet.
///
/// The state stands at `start`, the end of the batch that holds the term's EpochStart, which is durable in
/// the log.
pub struct Handover {
    /// The state.
    pub machine: SharedMachine,
    /// The only writer of the log.
    pub writer: Box<dyn OpLogWriter>,
    /// The term.
    pub leadership: Box<dyn Leadership>,
    /// End of the EpochStart batch.
    pub start: Position,
    /// Whether acknowledged entries may have come after the state and are lost.
    pub after_loss: bool,
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Handover({:?} at {})",
            self.leadership.token(),
            self.start
        )
    }
}

/// What a term leaves behind.
#[derive(Debug)]
pub struct TermEnd {
    /// The state.
    pub machine: SharedMachine,
    /// Whether the state holds nothing beyond what is committed: it may simply follow if its Position lies on
    /// the next lineage. Otherwise it must be dropped.
    pub clean: bool,
    /// Why the term ended.
    pub reason: TermEndReason,
}

/// Why a term ended.
#[derive(Debug)]
pub enum TermEndReason {
    /// Handed over on purpose, to this node if named.
    Switchover(Option<NodeId>),
    /// The election or the log shut it out.
    Fenced(Error),
    /// The lease ran out before it could be renewed.
    LeaseLost,
    /// The log met trouble that only a new writer can settle.
    Log(Error),
    /// The process shuts down.
    Shutdown,
}
