//! A cluster on disk that holds as many objects as asked for, made without so many calls.

mod fill;
mod publish;
pub(super) mod rows;
mod served;
mod write;

use std::path::Path;
use std::sync::Arc;

use standfast_backends::bucket::BucketSnapshotStore;
use standfast_backends::{FileElection, FileOpLog};
use standfast_core::{
    Candidate, Clock, ClusterId, Fingerprint, Manifest, NodeId, SnapshotStore, Store, TermEndReason,
};
use standfast_metadata::{ClientId, MetadataConfig, MetadataService};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::{Bootstrapped, Sources};
use tempfile::TempDir;

use super::in_process::lead;
use crate::command::{Failure, output};

pub(super) use self::fill::key;
pub(super) use self::served::Served;

/// What [`crate::command::demo::nodes::DemoNode`] calls it.
const CLUSTER: &str = "demo";

/// Log, election and bucket of a cluster: a snapshot of so many objects, and a log of so many entries after it.
///
/// The objects come into being by operations, applied as a standby applies them; the state they make is then declared
/// to be the one at the beginning of the log. From there on everything is as always: a term, its snapshot, its log.
pub(super) struct Dataset {
    dir: TempDir,
    pub(super) objects: u64,
    pub(super) entries: u64,
}

impl Dataset {
    /// Makes it in a temporary directory below `parent`. Takes the memory of such a state, and gives it back.
    pub(super) async fn make(parent: &Path, objects: u64, entries: u64) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(parent)?;
        let sources = sources(dir.path()).await?;
        let client = ClientId::random();
        let progress = output::progress(objects, "objects");
        let filling = sources.clone();
        let machine =
            tokio::task::spawn_blocking(move || fill::filled(&filling, client, objects, &progress))
                .await??;
        let machine = Arc::new(parking_lot::Mutex::new(machine));
        let state = Bootstrapped::kept(Arc::clone(&machine));
        let term = lead(&sources, state).await?;
        let handle = term.handle();
        publish::snapshot(&sources, &machine, &handle).await?;
        write::entries(&handle, client, objects, entries).await?;
        handle.stop(TermEndReason::Shutdown);
        term.ended().await;
        Ok(Self {
            dir,
            objects,
            entries,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What one of its snapshots says of itself.
    pub(super) fn manifest(&self, id: &str) -> Result<Manifest, Failure> {
        let manifests = self.dir().join("bucket").join(CLUSTER).join("manifests");
        let json = std::fs::read(manifests.join(format!("{id}.json")))?;
        Ok(serde_json::from_slice(&json)?)
    }
}

/// The stores where [`crate::command::demo::nodes::DemoNode`] has them.
async fn sources(dir: &Path) -> Result<Sources, Failure> {
    let id = ClusterId::new(CLUSTER)?;
    let cluster = Fingerprint::draw(&id, [1; 16]);
    let clock = Clock::system();
    let oplog = FileOpLog::open(&dir.join("log"), FileOpLog::SEGMENT_SIZE)?;
    let election = FileElection::open(&dir.join("election"), clock.clone())?;
    let bucket = BucketSnapshotStore::open(&dir.join("bucket"), id.as_str()).await?;
    let stores: [&dyn Store; 3] = [&oplog, &election, &bucket];
    for store in stores {
        store.init(cluster).await?;
    }
    let data_dir = dir.join("data-maker");
    std::fs::create_dir_all(&data_dir)?;
    let snapshots: Arc<dyn SnapshotStore> = Arc::new(bucket);
    Ok(Sources {
        cluster,
        candidate: Candidate {
            node: NodeId::new("maker")?,
            endpoint: "maker:1".to_owned(),
            http: "maker:2".to_owned(),
        },
        oplog: Arc::new(oplog),
        snapshots: Some(snapshots),
        policy: SnapshotPolicy::default(),
        election: Arc::new(election),
        data_dir,
        clock,
        service: Arc::new(|| Box::new(MetadataService::new(MetadataConfig::default()))),
    })
}
