//! The parts of a node over stores in memory, for tests that drive one part by hand.

use std::sync::Arc;

use parking_lot::Mutex;
use standfast_backends::{MemoryElection, MemoryElectionSpace, MemoryLogSpace, MemoryOpLog};
use standfast_core::{
    Candidate, Clock, ClusterId, Epoch, Fingerprint, Leadership, NodeId, Role, Store,
};
use standfast_master::{MasterConfig, Term};
use standfast_metadata::{MetadataConfig, MetadataService};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::Sources;

use super::shared::Shared;
use crate::config::Config;

const CONFIG: &str = r#"
cluster = { id = "test" }
node = { id = "a", data_dir = "data" }
election = { type = "memory" }
oplog = { type = "memory" }
recovery = { mode = "log" }
"#;

pub(super) fn fingerprint() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("test").unwrap(), [3; 16])
}

/// A node, and its directory, which goes with it.
pub(super) struct TestParts {
    pub(super) shared: Arc<Shared>,
    pub(super) election: MemoryElectionSpace,
    dir: tempfile::TempDir,
}

impl TestParts {
    /// The election is the cluster's; the log is not yet.
    pub(super) async fn without_log(clock: &Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let registry = standfast_backends::builtin();
        let nothing = std::iter::empty();
        let config = Config::parse(CONFIG, dir.path().into(), &registry, nothing).unwrap();
        let space = MemoryElectionSpace::new();
        let election = MemoryElection::open(&space, clock.clone());
        election.init(fingerprint()).await.unwrap();
        let sources = Sources {
            cluster: fingerprint(),
            candidate: candidate("a"),
            oplog: Arc::new(MemoryOpLog::open(&MemoryLogSpace::new())),
            snapshots: None,
            policy: SnapshotPolicy::default(),
            election: Arc::new(election),
            data_dir: dir.path().into(),
            clock: clock.clone(),
            service: Arc::new(|| Box::new(MetadataService::new(MetadataConfig::default()))),
        };
        let shared = Arc::new(Shared::new(config, sources, None));
        Self {
            shared,
            election: space,
            dir,
        }
    }

    pub(super) async fn new(clock: &Clock) -> Self {
        let parts = Self::without_log(clock).await;
        parts
            .shared
            .sources
            .oplog
            .init(fingerprint())
            .await
            .unwrap();
        parts
    }

    pub(super) fn high_water(&self) -> standfast_standby::HighWater {
        standfast_standby::HighWater::open(self.dir.path(), fingerprint()).unwrap()
    }

    /// Wins the election.
    pub(super) async fn elected(&self, at_least: Epoch) -> Box<dyn Leadership> {
        let sources = &self.shared.sources;
        let won = sources.election.campaign(&sources.candidate, at_least);
        won.await.unwrap()
    }

    /// Leads: the term, which is this node's until it is dropped.
    pub(super) async fn lead(&self) -> Term {
        let (sources, leadership) = (&self.shared.sources, self.elected(Epoch::ZERO).await);
        let machine = Arc::new(Mutex::new(sources.genesis()));
        let mut high_water = self.high_water();
        let handover = standfast_standby::promote(sources, machine, &mut high_water, leadership);
        let (config, clock) = (MasterConfig::default(), sources.clock.clone());
        let term = Term::start(handover.await.unwrap(), config, clock).unwrap();
        self.shared.term.send_replace(Some(term.handle()));
        self.shared.role.send_replace(Role::Primary);
        term
    }
}

pub(super) fn candidate(name: &str) -> Candidate {
    Candidate {
        node: NodeId::new(name).unwrap(),
        endpoint: format!("{name}:1"),
        http: format!("{name}:2"),
    }
}
