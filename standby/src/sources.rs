use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use standfast_core::{
    Candidate, Clock, ElectionBackend, Fingerprint, Machine, OpLogStore, Service, SnapshotStore,
};
use standfast_snapshots::SnapshotPolicy;

/// Where a node's state comes from, and who it is.
#[derive(Clone)]
pub struct Sources {
    /// The cluster.
    pub cluster: Fingerprint,
    /// The node and where it answers.
    pub candidate: Candidate,
    /// The log.
    pub oplog: Arc<dyn OpLogStore>,
    /// The snapshots, in the modes that have them.
    pub snapshots: Option<Arc<dyn SnapshotStore>>,
    /// How to restore them.
    pub policy: SnapshotPolicy,
    /// The election.
    pub election: Arc<dyn ElectionBackend>,
    /// The node's own directory.
    pub data_dir: PathBuf,
    /// Time.
    pub clock: Clock,
    /// Makes an empty service.
    pub service: Arc<dyn Fn() -> Box<dyn Service> + Send + Sync>,
}

impl Sources {
    /// An empty state at genesis.
    pub fn genesis(&self) -> Machine {
        Machine::genesis(self.cluster, (self.service)(), self.clock.clone())
    }

    /// Whether entries are there for the next term; where they are not, in mode `snapshot`, only snapshots are.
    pub fn log_outlives_term(&self) -> bool {
        self.oplog.capabilities().outlives_term
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("candidate", &self.candidate)
            .field("oplog", &self.oplog)
            .field("snapshots", &self.snapshots)
            .field("election", &self.election)
            .finish_non_exhaustive()
    }
}
