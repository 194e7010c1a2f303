//! A small service, and nodes of it over stores in memory.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use standfast_backends::{MemoryElection, MemoryElectionSpace, MemoryLogSpace, MemoryOpLog};
use standfast_core::{
    Application, Candidate, Change, Clock, ClusterId, Command, ElectionBackend, Epoch, Error,
    Fingerprint, Handover, NodeId, OpLogStore, Outcome, Proposer, Refusal, RequestHeader,
    RequestId, Result, Rows, RowsMut, SessionId, Store, Typed,
};
use standfast_master::{MasterConfig, Term, TermHandle};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::{
    Bootstrapped, Followed, HighWater, NotPromoted, Progress, Sources, bootstrap, follow, promote,
};
use tokio::sync::watch;

/// Rows of counters: `Add` to one, ask for one.
#[derive(Debug)]
pub(crate) struct Counters;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Add(u64);

impl Application for Counters {
    type Key = String;
    type Row = u64;
    type Op = Add;
    type Command = (String, u64);
    type Reply = u64;
    type Query = String;
    type Answer = u64;

    fn decide(
        &self,
        rows: &Rows<'_, Self>,
        _now_ms: u64,
        command: &(String, u64),
    ) -> Result<Change<Self>, Refusal> {
        let (name, by) = command;
        assert_ne!(name, "a defect", "of the service");
        if *by == 0 {
            let have = rows.get(name).copied().unwrap_or(0);
            return Err(Refusal {
                code: 1,
                message: format!("{name} stays at {have}").into(),
            });
        }
        Ok(Change::commit(name.clone(), Add(*by)))
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, _now_ms: u64, key: String, op: Add) -> u64 {
        let sum = rows.get(&key).copied().unwrap_or(0) + op.0;
        rows.insert(key, sum);
        sum
    }

    fn query(&self, rows: &Rows<'_, Self>, _now_ms: u64, query: &String) -> u64 {
        rows.get(query).copied().unwrap_or(0)
    }
}

/// A log and an election that several nodes share.
pub(crate) struct Cluster {
    pub(crate) log: MemoryLogSpace,
    pub(crate) election: MemoryElectionSpace,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) clock: Clock,
    dir: tempfile::TempDir,
}

impl Cluster {
    pub(crate) async fn new(clock: Clock) -> Self {
        let fingerprint = Fingerprint::draw(&ClusterId::new("flow").unwrap(), [3; 16]);
        let (log, election) = (MemoryLogSpace::new(), MemoryElectionSpace::new());
        MemoryOpLog::open(&log).init(fingerprint).await.unwrap();
        MemoryElection::open(&election, clock.clone())
            .init(fingerprint)
            .await
            .unwrap();
        Self {
            log,
            election,
            fingerprint,
            clock,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn sources(&self, node: &str) -> Sources {
        self.sources_with(node, Arc::new(MemoryOpLog::open(&self.log)))
    }

    pub(crate) fn sources_with(&self, node: &str, oplog: Arc<dyn OpLogStore>) -> Sources {
        let election: Arc<dyn ElectionBackend> =
            Arc::new(MemoryElection::open(&self.election, self.clock.clone()));
        let data_dir = self.dir.path().join(node);
        std::fs::create_dir_all(&data_dir).unwrap();
        Sources {
            cluster: self.fingerprint,
            candidate: Candidate {
                node: NodeId::new(node).unwrap(),
                endpoint: format!("{node}:1"),
                http: format!("{node}:2"),
            },
            oplog,
            snapshots: None,
            policy: SnapshotPolicy::default(),
            election,
            data_dir,
            clock: self.clock.clone(),
            service: Arc::new(|| Box::new(Typed::new(|| Counters))),
        }
    }
}

/// One node, driven by hand through its roles.
pub(crate) struct TestNode {
    pub(crate) sources: Sources,
    pub(crate) state: Bootstrapped,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) high_water: HighWater,
}

impl TestNode {
    pub(crate) async fn start(sources: Sources) -> Self {
        let high_water = HighWater::open(&sources.data_dir, sources.cluster).unwrap();
        let state = bootstrap(&sources).await.unwrap();
        Self {
            sources,
            state,
            progress: watch::Sender::default(),
            high_water,
        }
    }

    /// Follows until elected, and gives the term that begins.
    pub(crate) async fn lead(self, config: MasterConfig) -> Term {
        self.try_lead(config).await.unwrap()
    }

    pub(crate) async fn try_lead(self, config: MasterConfig) -> Result<Term, Error> {
        let clock = self.sources.clock.clone();
        Term::start(self.promote().await?, config, clock)
    }

    /// Follows until elected, and is promoted.
    pub(crate) async fn promote(mut self) -> Result<Handover, Error> {
        let followed = follow(
            &self.sources,
            &mut self.state,
            &mut self.high_water,
            Epoch::ZERO,
            &self.progress,
        )
        .await?;
        let Followed::Elected(leadership) = followed else {
            panic!("not elected: {followed:?}")
        };
        let machine = Arc::clone(&self.state.machine);
        promote(&self.sources, machine, &mut self.high_water, leadership)
            .await
            .map_err(|NotPromoted { error, .. }| error)
    }
}

/// Batches of two entries.
pub(crate) fn small_batches() -> MasterConfig {
    MasterConfig {
        batch_max_entries: 2,
        ..MasterConfig::default()
    }
}

/// Begins a command that adds one to `x` seven times, of which small batches take four while the log stands still, and waits
/// until they have.
pub(crate) async fn half_decided<'a>(
    term: &'a TermHandle,
    clock: &Clock,
) -> BoxFuture<'a, Result<Vec<Outcome>>> {
    let command = Client::new(1, clock).command("x", 1, 1);
    let seven = Command {
        items: 7,
        ..command
    };
    let deadline = clock.now().plus(Duration::from_secs(20));
    let mut call = term.propose(seven, deadline);
    assert!(futures::poll!(&mut call).is_pending());
    let ahead = || term.progress().applied.since(term.progress().committed.seq);
    while ahead() < 4 {
        tokio::task::yield_now().await;
    }
    call
}

/// A client with one session.
pub(crate) struct Client {
    session: SessionId,
    next: u64,
    clock: Clock,
}

impl Client {
    pub(crate) fn new(session: u128, clock: &Clock) -> Self {
        Self {
            session: SessionId(session),
            next: 1,
            clock: clock.clone(),
        }
    }

    pub(crate) fn command(&self, name: &str, by: u64, request: u64) -> Command {
        let header = RequestHeader {
            session: self.session,
            request: RequestId(request),
            answered: RequestId(request.saturating_sub(1)),
            first_item: 0,
        };
        Command::new(header, 1, (name.to_owned(), by))
    }

    pub(crate) async fn add(&mut self, term: &TermHandle, name: &str, by: u64) -> Result<u64> {
        let request = self.next;
        self.next += 1;
        self.ask(term, name, by, request)
            .await
            .map(|outcome| outcome.unwrap())
    }

    pub(crate) async fn ask(
        &self,
        term: &TermHandle,
        name: &str,
        by: u64,
        request: u64,
    ) -> Result<Result<u64, Refusal>> {
        let deadline = self.clock.now().plus(Duration::from_secs(20));
        let mut outcomes = term
            .propose(self.command(name, by, request), deadline)
            .await?;
        Ok(outcomes
            .remove(0)
            .map(|reply| Typed::<Counters>::read_reply(&reply).unwrap()))
    }

    pub(crate) async fn read(&self, term: &TermHandle, name: &str) -> Result<u64> {
        let deadline = self.clock.now().plus(Duration::from_secs(20));
        let answer = term.read(Box::new(name.to_owned()), deadline).await?;
        Ok(answer.downcast::<Option<u64>>().unwrap().unwrap())
    }
}
