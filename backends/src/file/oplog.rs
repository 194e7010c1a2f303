use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::begin;
use super::cluster;
use super::error::{NAME, io_error};
use super::exclusive::{self, Draft};
use super::fence;
use super::follower::FileFollower;
use super::log_dir::{LogDir, again_if_vanished};
use super::log_id;
use super::settle::Claim;
use super::skips;
use super::tail::FileTail;
use super::trim;
use super::usage;
use crate::mount;
use crate::off_thread::off_thread;
use standfast_core::{
    Batch, Bounds, ByteSize, Delivery, Durability, FenceToken, Fencing, Fingerprint,
    FollowerWriter, LogId, OpLogCapabilities, OpLogStore, OpLogTail, OpLogWriter, Position, Reach,
    ReadLimit, Result, Seq, Skip, Store, TrimGuard, Usage,
};

#[cfg(test)]
use standfast_core::conformance::News;

/// A log in a directory that all nodes reach: the directory of one host, or of a coherent file system.
///
/// Reading is blocking file I/O in short pieces; only waiting is asynchronous. What a disk that hangs can hold up, writing
/// and syncing, is done away from the runtime's threads; the writer does its work on the thread of its caller.
#[derive(Clone, Debug)]
pub struct FileOpLog {
    dir: Arc<LogDir>,
    reach: Reach,
    limit: Option<ByteSize>,
    #[cfg(test)]
    news: Option<News>,
}

/// What it declares, on a local file system.
pub(super) fn capabilities() -> OpLogCapabilities {
    let mut capabilities = OpLogCapabilities::memory();
    capabilities.fencing = Fencing::ReadAfterWrite;
    capabilities.durability = Durability::Disk;
    capabilities.reach = Reach::Host;
    capabilities.delivery = Delivery::Poll;
    capabilities.follower = true;
    capabilities
}

impl FileOpLog {
    /// The size of a segment when nothing is configured.
    pub const SEGMENT_SIZE: ByteSize = ByteSize::mib(64);

    /// Opens the log in `dir`, and makes the directories that are missing.
    ///
    /// # Errors
    /// `Config` when the file system is none that the log can trust; `Unavailable`, `Quota`.
    pub fn open(dir: &Path, segment_size: ByteSize) -> Result<Self> {
        let log = LogDir::open(dir, segment_size.0)?;
        Ok(Self {
            reach: mount::reach(dir).map_err(|error| error.backend(NAME))?,
            dir: Arc::new(log),
            limit: None,
            #[cfg(test)]
            news: None,
        })
    }

    /// At this size of its segments the leader takes no more writes; `0B` for no limit, as without this.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: ByteSize) -> Self {
        self.limit = Some(max_bytes).filter(|limit| limit.0 > 0);
        self
    }

    /// From now on its tails hear of the log only what `news` says.
    #[cfg(test)]
    pub(super) fn misled(mut self, news: News) -> Self {
        self.news = Some(news);
        self
    }

    #[cfg(test)]
    pub(super) const fn dir(&self) -> &Arc<LogDir> {
        &self.dir
    }
}

#[async_trait]
impl Store for FileOpLog {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        cluster::read(self.dir.layout())
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        cluster::init(self.dir.layout(), cluster)?;
        self.dir
            .reserve()
            .restore()
            .map_err(|source| io_error("init", self.dir.layout().dir(), source))
    }

    async fn probe(&self) -> Result<()> {
        let tmp = self.dir.layout().tmp();
        Draft::begin(&tmp, "probe")
            .and_then(|draft| draft.file().sync_all())
            .map_err(|source| io_error("probe", &tmp, source))
    }
}

#[async_trait]
impl OpLogStore for FileOpLog {
    fn capabilities(&self) -> OpLogCapabilities {
        let mut capabilities = capabilities();
        capabilities.reach = self.reach;
        capabilities
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.dir.cluster("bounds")?;
        fence::check_readable(&self.dir)?;
        again_if_vanished(|| {
            let survey = self.dir.survey("bounds")?;
            let before_floor = survey.begin()?;
            Ok(Bounds {
                floor: before_floor.seq.next(),
                before_floor,
                tail: survey.committed(),
                epoch: self.dir.fence()?,
            })
        })
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        let (dir, limit) = (Arc::clone(&self.dir), self.limit);
        off_thread("usage", move || usage::of(&dir, limit).map(Some)).await
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let (dir, token) = (Arc::clone(&self.dir), token.clone());
        off_thread("open writer", move || {
            let claim = Claim::make(&dir, &token)?;
            // Where segments vanish a successor has trimmed: it is found when they are listed again.
            let segment = again_if_vanished(|| claim.settle(&claim.survey()?))?;
            let writer = claim.serve(segment)?;
            // Not on the way into the term: it is room, and nothing else.
            if let Err(error) = exclusive::sweep(&dir.layout().tmp()) {
                tracing::debug!(%error, "left the drafts of dead writers");
            }
            Ok(Box::new(writer) as Box<dyn OpLogWriter>)
        })
        .await
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        let (dir, token) = (Arc::clone(&self.dir), token.clone());
        off_thread("begin log", move || {
            dir.owned_by(&token, "begin log")?;
            fence::claim(&dir, &token)?;
            begin::write(&dir, &token, position)
        })
        .await
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        let (dir, token, skip) = (Arc::clone(&self.dir), token.clone(), skip.clone());
        off_thread("skip entry", move || {
            dir.owned_by(&token, "skip entry")?;
            fence::claim(&dir, &token)?;
            skips::write(&dir, &token, &skip)
        })
        .await
    }

    async fn skips(&self) -> Result<Vec<Skip>> {
        skips::read(self.dir.layout())
    }

    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        let (dir, token) = (Arc::clone(&self.dir), token.clone());
        off_thread("open follower", move || {
            let follower = again_if_vanished(|| FileFollower::open(&dir, &token))?;
            Ok(Box::new(follower) as Box<dyn FollowerWriter>)
        })
        .await
    }

    async fn log_id(&self) -> Result<LogId> {
        log_id::of(&self.dir)
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.dir.cluster("read")?;
        again_if_vanished(|| {
            let survey = self.dir.survey("read")?;
            survey.route(after, self.dir.floor()?)?.collect(limit)
        })
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let tail = FileTail::open(Arc::clone(&self.dir), after)?;
        #[cfg(test)]
        let tail = tail.misled(self.news);
        Ok(Box::new(tail))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        trim::trim(&self.dir, through, guard).await
    }
}
