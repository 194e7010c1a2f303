//! What cannot be brought about from outside a process.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use serde::{Deserialize, Deserializer, Serialize, de};
use standfast_backends::{MemoryElection, MemoryElectionSpace, MemoryLogSpace, MemoryOpLog};
use standfast_core::{
    Application, Candidate, Change, Clock, ClusterId, Command, Epoch, Fingerprint, NodeId,
    Proposer, Refusal, RequestHeader, Rows, RowsMut, Store, Typed,
};
use standfast_master::{MasterConfig, Term};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::{Followed, HighWater, Sources, bootstrap, follow, promote};
use tokio::sync::watch;

use crate::http;

/// Decides on operations that it cannot read.
#[derive(Debug)]
struct Defective;

#[derive(Debug, Serialize)]
struct Unreadable;

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("unreadable"))
    }
}

impl Application for Defective {
    type Key = String;
    type Row = u64;
    type Op = Unreadable;
    type Command = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn decide(&self, _: &Rows<'_, Self>, _: u64, (): &()) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit("key".to_owned(), Unreadable))
    }

    fn apply(_: &mut RowsMut<'_, '_, Self>, _: u64, _: String, _: Unreadable) {}

    fn query(&self, _: &Rows<'_, Self>, _: u64, (): &()) {}
}

async fn leads(data_dir: &std::path::Path) -> Term {
    let clock = Clock::system();
    let cluster = Fingerprint::draw(&ClusterId::new("defects").unwrap(), [5; 16]);
    let oplog = MemoryOpLog::open(&MemoryLogSpace::new());
    let election = MemoryElection::open(&MemoryElectionSpace::new(), clock.clone());
    oplog.init(cluster).await.unwrap();
    election.init(cluster).await.unwrap();
    let sources = Sources {
        cluster,
        candidate: Candidate {
            node: NodeId::new("a").unwrap(),
            endpoint: "a:1".to_owned(),
            http: "a:2".to_owned(),
        },
        oplog: Arc::new(oplog),
        snapshots: None,
        policy: SnapshotPolicy::default(),
        election: Arc::new(election),
        data_dir: data_dir.to_owned(),
        clock: clock.clone(),
        service: Arc::new(|| Box::new(Typed::new(|| Defective))),
    };
    let mut high_water = HighWater::open(data_dir, cluster).unwrap();
    let mut state = bootstrap(&sources).await.unwrap();
    let progress = watch::Sender::default();
    let followed = follow(
        &sources,
        &mut state,
        &mut high_water,
        Epoch::ZERO,
        &progress,
    );
    let Followed::Elected(leadership) = followed.await.unwrap() else {
        panic!("it is alone");
    };
    let promoted = promote(&sources, state.machine, &mut high_water, leadership).await;
    Term::start(promoted.unwrap(), MasterConfig::default(), clock).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_too_late_and_decisions_that_cannot_be_applied_are_counted() {
    let recorded = PrometheusBuilder::new().install_recorder().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let term = leads(dir.path()).await;
    let clock = Clock::system();
    let command = || Command::new(RequestHeader::default(), 1, ());
    let past = clock.now();
    term.handle().propose(command(), past).await.unwrap_err();
    let soon = clock.now().plus(Duration::from_secs(20));
    let outcomes = term.handle().propose(command(), soon).await.unwrap();
    assert!(outcomes[0].is_err(), "{outcomes:?}");
    let metrics = recorded.render();
    for name in [
        "standfast_requests_busy_total",
        "standfast_inapplicable_decisions_total",
    ] {
        assert_eq!(http::value(&metrics, name, &[]), Some(1.0), "{metrics}");
    }
}
