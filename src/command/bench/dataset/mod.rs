//! A cluster on disk that holds as many objects as asked for, made without so many calls.

mod fill;
mod publish;
pub(super) mod rows;
mod served;
mod write;

use std::path::Path;
use std::sync::Arc;

use standfast_backends::{FileElection, FileOpLog};
use standfast_core::{
    Candidate, Clock, ClusterId, Fingerprint, Manifest, NodeId, SnapshotId, Store, TermEndReason,
};
use standfast_metadata::{ClientId, MetadataConfig, MetadataService};
use standfast_snapshots::SnapshotPolicy;
use standfast_standby::{Bootstrapped, Sources};
use tempfile::TempDir;

use super::bucket::{Bucket, MeasuredBucket};
use super::in_process::lead;
use crate::command::{Failure, output};

pub(super) use self::fill::{SIZE, key};
pub(super) use self::served::Served;

/// What [`crate::command::demo::nodes::DemoNode`] calls it.
const CLUSTER: &str = "demo";

/// Log, election and bucket of a cluster: a snapshot of so many objects, and a log of so many entries after it.
///
/// The objects come into being by operations, applied as a standby applies them; the state they make is then declared
/// to be the one at the beginning of the log. From there on everything is as always: a term, its snapshot, its log.
pub(super) struct Dataset {
    dir: TempDir,
    bucket: Bucket,
    pub(super) objects: u64,
    pub(super) entries: u64,
}

impl Dataset {
    /// Makes it in a temporary directory below `parent`, its snapshot in such a bucket. Takes the memory of such a state, and
    /// gives it back.
    pub(super) async fn make(
        parent: &Path,
        bucket: &MeasuredBucket,
        objects: u64,
        entries: u64,
    ) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(parent)?;
        let bucket = bucket.open(dir.path(), ClusterId::new(CLUSTER)?).await?;
        let sources = sources(dir.path(), &bucket).await?;
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
            bucket,
            objects,
            entries,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) const fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// What one of its snapshots says of itself.
    pub(super) async fn manifest(&self, id: &str) -> Result<Manifest, Failure> {
        let reader = self.bucket.store.open(&SnapshotId(id.to_owned())).await?;
        Ok(reader.manifest().clone())
    }

    /// The parts of its newest snapshot as they are stored.
    pub(super) async fn parts(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let entry = self.bucket.store.newest().await?;
        let newest = entry.as_ref().and_then(|entry| entry.newest());
        let newest = newest.ok_or("the dataset has no snapshot")?;
        let reader = self.bucket.store.open(&newest.id).await?;
        let mut parts = Vec::new();
        for part in &reader.manifest().parts {
            parts.push(reader.read_part(part).await?.into());
        }
        Ok(parts)
    }

    /// Removes what does not go with the directory.
    pub(super) async fn remove(self) -> Result<(), Failure> {
        self.bucket.remove().await
    }
}

/// The stores where [`crate::command::demo::nodes::DemoNode`] has them.
async fn sources(dir: &Path, bucket: &Bucket) -> Result<Sources, Failure> {
    let cluster = Fingerprint::draw(&ClusterId::new(CLUSTER)?, [1; 16]);
    let clock = Clock::system();
    let oplog = FileOpLog::open(&dir.join("log"), FileOpLog::SEGMENT_SIZE)?;
    let election = FileElection::open(&dir.join("election"), clock.clone())?;
    let stores: [&dyn Store; 2] = [&oplog, &election];
    for store in stores {
        store.init(cluster).await?;
    }
    bucket.store.init(cluster).await?;
    let data_dir = dir.join("data-maker");
    std::fs::create_dir_all(&data_dir)?;
    Ok(Sources {
        cluster,
        candidate: Candidate {
            node: NodeId::new("maker")?,
            endpoint: "maker:1".to_owned(),
            http: "maker:2".to_owned(),
        },
        oplog: Arc::new(oplog),
        snapshots: Some(Arc::clone(&bucket.store)),
        policy: SnapshotPolicy::default(),
        election: Arc::new(election),
        data_dir,
        clock,
        service: Arc::new(|| Box::new(MetadataService::new(MetadataConfig::default()))),
    })
}
