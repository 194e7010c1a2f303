use std::sync::Arc;
use std::time::Duration;

use standfast_backends::{
    MemoryElection, MemoryElectionSpace, MemoryLink, MemoryLogSpace, MemoryOpLog, builtin,
};
use standfast_core::{
    Candidate, Clock, ClusterId, Error, ErrorKind, Fingerprint, NodeId, Result, Service, Store,
};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::Sources;
use tempfile::TempDir;

use crate::config::Config;

/// How often a leader renews its lease, on the machine's clock: the clock of the cluster waits for it.
const BEAT: Duration = Duration::from_millis(1);

/// What the nodes of a cluster share.
pub(super) struct Stores {
    pub(super) clock: Clock,
    fingerprint: Fingerprint,
    log: MemoryLogSpace,
    election: MemoryElectionSpace,
    service: Arc<dyn Fn() -> Box<dyn Service> + Send + Sync>,
    dir: TempDir,
}

impl Stores {
    /// How long a lease lasts that is not renewed.
    pub(super) const LEASE: Duration = Duration::from_secs(5);
    /// Its holder stops believing this much earlier: a tenth, as of every lease in memory.
    pub(super) const MARGIN: Duration = Duration::from_millis(500);

    /// Stores that belong to a cluster.
    pub(super) async fn new(
        service: Arc<dyn Fn() -> Box<dyn Service> + Send + Sync>,
    ) -> Result<Self> {
        let stores = Self {
            clock: Clock::manual(),
            fingerprint: Fingerprint::draw(&ClusterId::new("testing")?, [7; 16]),
            log: MemoryLogSpace::new(),
            election: MemoryElectionSpace::new(),
            service,
            dir: tempfile::tempdir().map_err(no_room)?,
        };
        let open = MemoryLink::new();
        stores.oplog(&open).init(stores.fingerprint).await?;
        stores.election(&open).init(stores.fingerprint).await?;
        Ok(stores)
    }

    fn oplog(&self, link: &MemoryLink) -> MemoryOpLog {
        MemoryOpLog::open(&self.log.over(link))
    }

    /// The election, as it looks over `link`.
    pub(super) fn election(&self, link: &MemoryLink) -> MemoryElection {
        MemoryElection::open(&self.election.over(link), self.clock.clone())
            .with_ttl(Self::LEASE)
            .with_beat(BEAT)
    }

    /// What a node needs that reaches the stores over `link`.
    pub(super) fn sources(&self, node: &NodeId, link: &MemoryLink) -> Result<Sources> {
        let data_dir = self.dir.path().join(node.as_str());
        std::fs::create_dir_all(&data_dir).map_err(no_room)?;
        Ok(Sources {
            cluster: self.fingerprint,
            candidate: Candidate {
                node: node.clone(),
                endpoint: format!("{node}:7400"),
                http: format!("{node}:7480"),
            },
            oplog: Arc::new(self.oplog(link)),
            snapshots: None,
            policy: SnapshotPolicy::default(),
            election: Arc::new(self.election(link)),
            data_dir,
            clock: self.clock.clone(),
            service: Arc::clone(&self.service),
        })
    }

    /// Everything that can be configured is at its default.
    pub(super) fn config(&self, node: &NodeId) -> Result<Config> {
        let text = format!(
            r#"
            cluster = {{ id = "testing" }}
            node = {{ id = "{node}", data_dir = "{node}" }}
            election = {{ type = "memory" }}
            oplog = {{ type = "memory" }}
            recovery = {{ mode = "log" }}
            "#
        );
        Config::from_text(&text, self.dir.path().to_owned(), &builtin())
    }
}

fn no_room(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "start cluster")
        .context("cannot write to the temporary directory")
        .source(source)
}
