use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rocksdb::{DB, WriteBatch};

use super::begin;
use super::claim::{Claim, Role};
use super::database::{self, check_writable, meta};
use super::error::{NAME, corrupt, database_error, error, foreign, io_error};
use super::follower::RocksDbFollower;
use super::layout::skip_key;
use super::options::synced;
use super::records::{ClusterRecord, LogIdRecord, Single, SkipRecord};
use super::space::Space;
use super::statistics;
use super::tail::RocksDbTail;
use super::trim;
use super::usage;
use super::view::View;
use super::writer::RocksDbWriter;
use crate::off_thread::off_thread;
use crate::record::encode;
use standfast_core::{
    Batch, Bounds, ByteSize, Delivery, Durability, ErrorKind, FenceToken, Fencing, Fingerprint,
    FollowerWriter, LogId, OpLogCapabilities, OpLogStore, OpLogTail, OpLogWriter, Position, Reach,
    ReadLimit, Result, Seq, Skip, Store, TrimGuard, Usage,
};

/// A log in a RocksDB that the nodes of one host share.
///
/// One at a time writes: whoever holds the database's lock. The others read through a secondary instance. All of the
/// database's work is done away from the runtime's threads, but for appending, which the writer does on the thread of its
/// caller.
#[derive(Clone, Debug)]
pub struct RocksDbOpLog {
    space: Arc<Space>,
    limit: Option<ByteSize>,
}

/// What it declares.
pub(super) fn capabilities() -> OpLogCapabilities {
    let mut capabilities = OpLogCapabilities::memory();
    capabilities.fencing = Fencing::Lock;
    capabilities.durability = Durability::Disk;
    capabilities.reach = Reach::Host;
    capabilities.delivery = Delivery::Poll;
    capabilities.follower = true;
    capabilities
}

impl RocksDbOpLog {
    /// Opens a handle on the log in `dir`, a directory that exists. Its readers keep small notes below `scratches` while
    /// they are open.
    pub fn open(dir: &Path, scratches: &Path) -> Self {
        Self {
            space: Arc::new(Space::new(dir, scratches)),
            limit: None,
        }
    }

    /// At this size of its files the leader takes no more writes; `0B` for no limit, as without this.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: ByteSize) -> Self {
        self.limit = Some(max_bytes).filter(|limit| limit.0 > 0);
        self
    }

    #[cfg(test)]
    pub(super) const fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Looks at the log away from the runtime's threads.
    async fn look<T: Send + 'static>(
        &self,
        operation: &'static str,
        look: impl Fn(&View<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let space = Arc::clone(&self.space);
        off_thread(operation, move || space.look(operation, look)).await
    }
}

/// The fingerprint, if there is one.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is of one lifetime, and views have many"
)]
fn fingerprint(space: &Space) -> Result<Option<Fingerprint>> {
    if !database::exists("read fingerprint", space.dir())? {
        return Ok(None);
    }
    match space.look("read fingerprint", |view| view.fingerprint()) {
        // Its making was cut: the next one goes on.
        Err(error) if *error.kind() == ErrorKind::Foreign => Ok(None),
        found => found,
    }
}

/// Makes the log one of `cluster`, once (ST-1).
fn init(space: &Space, cluster: Fingerprint) -> Result<()> {
    let operation = "init";
    match fingerprint(space)? {
        Some(own) if own == cluster => return Ok(()),
        Some(own) => return Err(foreign(operation, space.dir(), own, cluster)),
        None => {}
    }
    database::check_unused(operation, space.dir(), space.tuning())?;
    let db = database::make(operation, space.dir(), space.tuning())?;
    let view = View::still(&db, space.dir());
    match view.fingerprint()? {
        Some(own) if own == cluster => return Ok(()),
        Some(own) => return Err(foreign(operation, space.dir(), own, cluster)),
        None => {}
    }
    let record = encode(&ClusterRecord {
        fingerprint: cluster,
    })?;
    db.put_cf_opt(meta(&db), ClusterRecord::KEY, record, &synced())
        .map_err(|source| database_error(operation, space.dir(), source))
}

/// Which disk the log is on, drawn if nobody has asked before.
fn log_id(space: &Space) -> Result<LogId> {
    let operation = "log id";
    let drawn = |view: &View<'_>| {
        view.cluster(operation)?;
        let Some(record) = view.record::<LogIdRecord>()? else {
            return Ok(None);
        };
        let broken = || corrupt(operation, space.dir(), "its log-id is no number");
        record.id().ok_or_else(broken).map(Some)
    };
    if let Some(id) = space.look(operation, drawn)? {
        return Ok(id);
    }
    space.with_lock(operation, |db| {
        // Another handle may have been faster.
        if let Some(id) = drawn(&View::live(db, space.dir()))? {
            return Ok(id);
        }
        let id = LogId(rand::random());
        let record = encode(&LogIdRecord::of(id))?;
        db.put_cf_opt(meta(db), LogIdRecord::KEY, record, &synced())
            .map_err(|source| database_error(operation, space.dir(), source))?;
        Ok(id)
    })
}

/// Whether the disk takes what is written and syncs it, without opening the database.
fn sync_a_file(dir: &Path) -> io::Result<()> {
    let path = dir.join("PROBE");
    let mut file = File::create(&path)?;
    let synced = file.write_all(b"probe").and_then(|()| file.sync_all());
    match fs::remove_file(&path) {
        // Another node probes as well.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => synced,
        removed => synced.and(removed),
    }
}

#[async_trait]
impl Store for RocksDbOpLog {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        let space = Arc::clone(&self.space);
        off_thread("read fingerprint", move || fingerprint(&space)).await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        let space = Arc::clone(&self.space);
        off_thread("init", move || init(&space, cluster)).await
    }

    async fn probe(&self) -> Result<()> {
        let space = Arc::clone(&self.space);
        off_thread("probe", move || {
            let dir = space.dir();
            let failed = |source| io_error("probe", dir, source);
            fs::metadata(dir).map_err(failed)?;
            check_writable("probe", dir)?;
            sync_a_file(dir).map_err(failed)
        })
        .await
    }
}

#[async_trait]
impl OpLogStore for RocksDbOpLog {
    fn capabilities(&self) -> OpLogCapabilities {
        capabilities()
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is of one lifetime, and views have many"
    )]
    async fn bounds(&self) -> Result<Bounds> {
        self.look("bounds", |view| view.bounds()).await
    }

    async fn usage(&self) -> Result<Option<Usage>> {
        let (space, limit) = (Arc::clone(&self.space), self.limit);
        off_thread("usage", move || {
            if space.is_held() {
                statistics::publish(space.tuning());
            }
            usage::of(space.dir(), limit).map(Some)
        })
        .await
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let (space, token) = (Arc::clone(&self.space), token.clone());
        off_thread("open writer", move || {
            let grant = space.claim(&token, Role::Writer, "open writer")?;
            let writer = RocksDbWriter::new(space, token.epoch, grant);
            Ok(Box::new(writer) as Box<dyn OpLogWriter>)
        })
        .await
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        let (space, token) = (Arc::clone(&self.space), token.clone());
        off_thread("begin log", move || {
            space.shut_out(&token, "begin log", || begin::at(&space, &token, position))
        })
        .await
    }

    async fn skip(&self, token: &FenceToken, skip: &Skip) -> Result<()> {
        let (space, token, skip) = (Arc::clone(&self.space), token.clone(), skip.clone());
        let operation = "skip entry";
        off_thread(operation, move || {
            let record = encode(&SkipRecord { skip })?;
            let key = skip_key(token.epoch);
            let put = |db: &DB, batch: &mut WriteBatch| {
                let there = db.get_cf(meta(db), &key);
                let there = there.map_err(|e| database_error(operation, space.dir(), e))?;
                if there.is_some_and(|there| there != record) {
                    return Err(error(ErrorKind::Fenced, operation).context(format!(
                        "epoch {} has skipped another entry: do it again under a higher one",
                        token.epoch
                    )));
                }
                batch.put_cf(meta(db), &key, &record);
                Ok(())
            };
            let claim = || Claim::make(&space, &token, Role::Writer, operation, put);
            space.shut_out(&token, operation, claim).map(drop)
        })
        .await
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is of one lifetime, and views have many"
    )]
    async fn skips(&self) -> Result<Vec<Skip>> {
        self.look("read skips", |view| view.skips()).await
    }

    async fn open_follower(&self, token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        let (space, token) = (Arc::clone(&self.space), token.clone());
        off_thread("open follower", move || {
            let follower = RocksDbFollower::open(space, &token)?;
            Ok(Box::new(follower) as Box<dyn FollowerWriter>)
        })
        .await
    }

    async fn log_id(&self) -> Result<LogId> {
        let space = Arc::clone(&self.space);
        off_thread("log id", move || log_id(&space)).await
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.look("read", move |view| {
            view.find(after)?;
            view.read(after, limit)
        })
        .await
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let space = Arc::clone(&self.space);
        let tail = off_thread("tail", move || RocksDbTail::open(&space, after)).await?;
        Ok(Box::new(tail))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        trim::trim(&self.space, through, guard).await
    }
}
