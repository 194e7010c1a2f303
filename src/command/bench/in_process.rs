use std::path::Path;
use std::sync::Arc;

use standfast_backends::FileElection;
use standfast_core::{
    Candidate, Clock, ClusterId, Epoch, Fingerprint, NodeId, OpLogStore, Store, Typed,
};
use standfast_master::{MasterConfig, Term};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::{
    Bootstrapped, Followed, HighWater, NotPromoted, Progress, Sources, bootstrap, follow, promote,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::ledger::Ledger;
use super::{LogBackend, MeasuredLog};
use crate::command::Failure;

/// A log, and an election in files, for nodes that all live in this process: one clock times them all.
pub(super) struct InProcess {
    log: MeasuredLog,
    cluster: Fingerprint,
    clock: Clock,
    dir: TempDir,
}

/// A standby that applies the log until this is dropped.
pub(super) struct Follower {
    pub(super) progress: watch::Receiver<Progress>,
    task: JoinSet<Result<(), Failure>>,
}

impl InProcess {
    /// Makes the stores in a temporary directory below `parent`.
    pub(super) async fn new(parent: &Path, log: &MeasuredLog) -> Result<Self, Failure> {
        let made = Self {
            log: log.clone(),
            cluster: Fingerprint::draw(&ClusterId::new("bench")?, [1; 16]),
            clock: Clock::system(),
            dir: tempfile::tempdir_in(parent)?,
        };
        made.oplog(made.dir())?.init(made.cluster).await?;
        made.election()?.init(made.cluster).await?;
        Ok(made)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn oplog(&self, data_dir: &Path) -> Result<Arc<dyn OpLogStore>, Failure> {
        self.log.open(&self.dir.path().join("log"), data_dir)
    }

    fn election(&self) -> Result<FileElection, Failure> {
        let dir = self.dir.path().join("election");
        Ok(FileElection::open(&dir, self.clock.clone())?)
    }

    fn sources(&self, node: &str) -> Result<Sources, Failure> {
        let data_dir = self.dir.path().join(node);
        std::fs::create_dir_all(&data_dir)?;
        Ok(Sources {
            cluster: self.cluster,
            candidate: Candidate {
                node: NodeId::new(node)?,
                endpoint: format!("{node}:1"),
                http: format!("{node}:2"),
            },
            oplog: self.oplog(&data_dir)?,
            snapshots: None,
            policy: SnapshotPolicy::default(),
            election: Arc::new(self.election()?),
            data_dir,
            clock: self.clock.clone(),
            service: Arc::new(|| Box::new(Typed::new(|| Ledger))),
        })
    }

    /// Removes what is not in the directory; nothing is open any more.
    pub(super) async fn remove(&self) -> Result<(), Failure> {
        if self.log.backend == LogBackend::File {
            return Ok(());
        }
        self.log.remove(&self.dir.path().join("log")).await
    }

    /// Begins a term with `ack = "durable"`, by the one path there is.
    pub(super) async fn lead(&self, node: &str) -> Result<Term, Failure> {
        let sources = self.sources(node)?;
        let state = bootstrap(&sources).await?;
        lead(&sources, state).await
    }

    /// Starts a standby.
    pub(super) async fn follow(&self, node: &str) -> Result<Follower, Failure> {
        let sources = self.sources(node)?;
        let state = bootstrap(&sources).await?;
        let mut node = Node::new(sources, state)?;
        let publisher = watch::Sender::default();
        let progress = publisher.subscribe();
        let mut task = JoinSet::new();
        task.spawn(async move {
            node.follow(&publisher).await?;
            Err("the standby stopped following".into())
        });
        Ok(Follower { progress, task })
    }
}

impl Follower {
    /// Waits for the standby to end, which it does only when something is wrong.
    ///
    /// Cancel safe: it goes on following.
    pub(super) async fn failed(&mut self) -> Failure {
        match self.task.join_next().await {
            Some(Ok(Err(failure))) => failure,
            other => format!("the standby ended: {other:?}").into(),
        }
    }
}

/// Begins a term with `ack = "durable"` from a state that follows the log.
pub(super) async fn lead(sources: &Sources, state: Bootstrapped) -> Result<Term, Failure> {
    let mut node = Node::new(sources.clone(), state)?;
    let progress = watch::Sender::default();
    let Followed::Elected(leadership) = node.follow(&progress).await? else {
        return Err("the log was trimmed while nobody could".into());
    };
    let machine = node.state.machine;
    match promote(&node.sources, machine, &mut node.high_water, leadership).await {
        Ok(handover) => {
            let clock = node.sources.clock;
            Ok(Term::start(handover, MasterConfig::default(), clock)?)
        }
        Err(NotPromoted { error, .. }) => Err(error.into()),
    }
}

struct Node {
    sources: Sources,
    state: Bootstrapped,
    high_water: HighWater,
}

impl Node {
    fn new(sources: Sources, state: Bootstrapped) -> Result<Self, Failure> {
        Ok(Self {
            state,
            high_water: HighWater::open(&sources.data_dir, sources.cluster)?,
            sources,
        })
    }

    async fn follow(&mut self, progress: &watch::Sender<Progress>) -> Result<Followed, Failure> {
        let Self {
            sources,
            state,
            high_water,
        } = self;
        Ok(follow(sources, state, high_water, Epoch::ZERO, progress).await?)
    }
}
