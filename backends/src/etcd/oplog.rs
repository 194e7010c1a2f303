use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::GetOptions;

use super::access::Access;
use super::claim::{Claim, With};
use super::cluster;
use super::connection::Connection;
use super::error::{NAME, error};
use super::layout::Layout;
use super::members;
use super::page::{self, Page};
use super::probe;
use super::records::SkipRecord;
use super::space::Space;
use super::tail::EtcdTail;
use super::trim;
use super::writer::EtcdWriter;
use crate::record::{decode, encode};
use standfast_core::{
    Batch, Bounds, ByteSize, Delivery, Durability, ErrorKind, FenceToken, Fencing, Fingerprint,
    FollowerWriter, OpLogCapabilities, OpLogStore, OpLogTail, OpLogWriter, Position, Reach,
    ReadLimit, Result, Seq, Server, Skip, Store, TrimGuard, Usage,
};

/// A batch with its head and conditions stays below the 1.5 MiB that etcd takes in one request.
const MAX_BATCH: usize = 1 << 20;

/// A log in etcd.
///
/// A batch is one key, written by one transaction that compares the fence; what is there is committed.
#[derive(Clone, Debug)]
pub struct EtcdOpLog {
    space: Arc<Space>,
    limit: Option<ByteSize>,
    compact_after: Option<Duration>,
}

/// What it declares.
pub(super) fn capabilities() -> OpLogCapabilities {
    let mut capabilities = OpLogCapabilities::memory();
    capabilities.fencing = Fencing::Transaction;
    capabilities.durability = Durability::Replicated;
    capabilities.reach = Reach::Cluster;
    capabilities.delivery = Delivery::Push;
    capabilities.max_batch_bytes = MAX_BATCH;
    capabilities
}

impl EtcdOpLog {
    /// A handle on the log under `root` in the etcd whose members are at `endpoints`, at least one. Connects when it is
    /// first used, on the runtime that uses it. Members at `https://` are believed if the system trusts them.
    pub fn open(endpoints: &[String], root: &str) -> Self {
        Self::at(Connection::new(endpoints, Access::default()), root)
    }

    pub(super) fn at(connection: Connection, root: &str) -> Self {
        Self {
            space: Arc::new(Space::new(connection, Layout::new(root))),
            limit: None,
            compact_after: None,
        }
    }

    /// At this size of its keys and values the leader takes no more writes; `0B` for no limit, as without this.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: ByteSize) -> Self {
        self.limit = Some(max_bytes).filter(|limit| limit.0 > 0);
        self
    }

    /// A writer compacts what has been history for so long, of the whole etcd; zero, as without this: it compacts nothing.
    #[must_use]
    pub fn with_compaction_after(mut self, after: Duration) -> Self {
        self.compact_after = Some(after).filter(|after| !after.is_zero());
        self
    }
}

#[async_trait]
impl Store for EtcdOpLog {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        cluster::read(self.space.connection(), self.space.layout()).await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        cluster::init(self.space.connection(), self.space.layout(), cluster).await
    }

    async fn probe(&self) -> Result<()> {
        probe::probe(self.space.connection(), self.space.layout()).await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        members::servers(self.space.connection()).await
    }
}

#[async_trait]
impl OpLogStore for EtcdOpLog {
    fn capabilities(&self) -> OpLogCapabilities {
        capabilities()
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.space.bounds().await
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        let (ends, floor) = self.space.measured("usage").await?;
        Ok(Some(Usage {
            bytes: ends.bytes().saturating_sub(floor.bytes_before),
            limit: self.limit.map(|limit| limit.0),
            available: None,
        }))
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let claim = Claim::make(&self.space, token, "open writer", &With::Nothing).await?;
        let space = Arc::clone(&self.space);
        Ok(Box::new(EtcdWriter::new(
            space,
            token.epoch,
            claim,
            self.compact_after,
        )))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        let with = With::Beginning(position);
        Claim::make(&self.space, token, "begin log", &with)
            .await
            .map(drop)
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        let operation = "skip entry";
        let record = encode(&SkipRecord { skip: skip.clone() })?;
        let key = self.space.layout().skip(token.epoch);
        let there = self.skips().await?;
        if there.contains(skip) {
            return Ok(());
        }
        if there.iter().any(|other| other.epoch == token.epoch) {
            return Err(error(ErrorKind::Fenced, operation).context(format!(
                "epoch {} has skipped another entry: do it again under a higher one",
                token.epoch
            )));
        }
        Claim::make(&self.space, token, operation, &With::Record(key, record))
            .await
            .map(drop)
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        let (from, to) = self.space.layout().skips();
        let options = GetOptions::new().with_range(to);
        let answer = self.space.connection().call("read skips", |mut clients| {
            let (from, options) = (from.as_str(), options.clone());
            async move { clients.kv.get(from, Some(options)).await }
        });
        let answer = answer.await?;
        let records = answer.kvs().iter().map(|kv| {
            let key = String::from_utf8_lossy(kv.key()).into_owned();
            let record: Result<SkipRecord> = decode(kv.value());
            record.map_err(|error| error.context(key)).map(|r| r.skip)
        });
        records.collect()
    }

    async fn open_follower(&self, _token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        Err(error(ErrorKind::Unsupported, "open follower").context(
            "a log of type `etcd` is shared by all nodes: standbys tail it under the same prefix",
        ))
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        Ok(match page::read(&self.space, after, limit).await? {
            Page::Batches(batches, _) => batches,
            Page::End(_) => Vec::new(),
        })
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        Ok(Box::new(EtcdTail::open(&self.space, after).await?))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        trim::trim(&self.space, through, guard).await
    }
}
