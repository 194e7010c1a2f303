use std::fmt::Debug;

use standfast_core::{Digest, Position, SharedMachine};
use tokio::sync::watch;

/// What the leader knows of its own past: whether a snapshot that somebody else made is one of this history.
pub trait Lineage: Send + Sync + Debug {
    /// Judges a state at `position` with this digest.
    fn judge(&self, position: Position, digest: Digest) -> Verdict;
}

/// What the leader says of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The leader's state stood exactly there, with this digest.
    Same,
    /// It is not committed yet: ask again.
    NotYet,
    /// The leader stood elsewhere, or had another digest.
    Other,
    /// Too long ago: the leader does not remember.
    Forgotten,
}

/// Lineage by the leader's own state: its Positions and digests at the last 4096 batch ends and the last 16384
/// milestones.
#[derive(Clone, Debug)]
pub struct MachineLineage {
    machine: SharedMachine,
    committed: watch::Receiver<Position>,
}

impl MachineLineage {
    /// `committed` is the term's watermark.
    pub const fn new(machine: SharedMachine, committed: watch::Receiver<Position>) -> Self {
        Self { machine, committed }
    }
}

impl Lineage for MachineLineage {
    fn judge(&self, position: Position, digest: Digest) -> Verdict {
        if self.committed.borrow().seq < position.seq {
            return Verdict::NotYet;
        }
        let ours = self.machine.lock().passed(position.seq);
        match ours {
            Some(ours) if ours == (position, digest) => Verdict::Same,
            Some(_) => Verdict::Other,
            None => Verdict::Forgotten,
        }
    }
}
