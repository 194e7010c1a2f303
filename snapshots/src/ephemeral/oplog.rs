use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use standfast_core::{
    Batch, Bounds, CATALOG_FORMAT, CatalogEntry, Epoch, Error, ErrorKind, FenceToken, Fingerprint,
    FollowerWriter, OpLogCapabilities, OpLogStore, OpLogTail, OpLogWriter, Position, ReadLimit,
    Result, Seq, SnapshotStore, Store, TrimGuard, Won,
};

use super::tail::EphemeralTail;
use super::writer::EphemeralWriter;

/// What it is called in messages.
pub(super) const NAME: &str = "none";
/// How often an entry is built again after another won its number.
pub(super) const ATTEMPTS: u32 = 16;

/// A log that keeps no entry: each term begins behind the newest snapshot of the catalog, and what it appended since the
/// last one that it published is lost with it.
///
/// ```text
///   catalog   .. [n: epoch 3, newest snapshot at seq 100]   [n+1: epoch 4, the same]
///                                          |                       ^ open_writer(epoch 4) wins this entry first:
///   term 3    .. 100 | 101 .. 250 lost     |                         from then on no lower epoch can list anything
///   term 4           | 101 EpochStart, 102 ..
/// ```
///
/// The catalog is what fences: a frozen leader that thaws goes on in its memory alone until its lease is found to be over,
/// and can publish nothing. Its bounds are those of the catalog, so that a state is either the newest snapshot's, or behind
/// it (`Trimmed`: bootstrap again), or of a history that is over (`LogRegressed`).
#[derive(Debug)]
pub struct EphemeralOpLog {
    store: Arc<dyn SnapshotStore>,
    /// Counts `open_writer`: only the last writer writes.
    generation: Arc<AtomicU64>,
}

impl EphemeralOpLog {
    /// How often whoever follows it looks at the catalog: a switchover waits for that.
    pub const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);

    /// The log behind the snapshots of `store`.
    pub fn new(store: Arc<dyn SnapshotStore>) -> Self {
        Self {
            store,
            generation: Arc::default(),
        }
    }

    async fn cluster(&self) -> Result<Fingerprint> {
        let cluster = self.store.fingerprint().await?;
        cluster.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "look at catalog").context(
                "the bucket was never initialised: run `standfast cluster init --config F`",
            )
        })
    }

    /// Wins an entry that raises the catalog's epoch to the token's. Returns whether the term before was
    /// complete, and where the newest snapshot stands.
    async fn shut_out(&self, token: &FenceToken) -> Result<(bool, Position)> {
        for _ in 0..ATTEMPTS {
            let newest = self.store.newest().await?;
            let served = newest.as_ref().map_or(Epoch::ZERO, |entry| entry.epoch);
            // Of a cluster without an entry nobody has served.
            let complete = newest.as_ref().is_none_or(|entry| entry.complete);
            let position = position_of(newest.as_ref(), token.cluster);
            if newest.as_ref().is_some_and(|entry| is_own(entry, token)) {
                return Ok((complete, position));
            }
            if served >= token.epoch {
                return Err(
                    Error::new(ErrorKind::Fenced, "open writer").context(format!(
                        "epoch {} is not higher than the catalog's, {served}",
                        token.epoch
                    )),
                );
            }
            if let Won::Yes(_) = self
                .store
                .win_entry(token, same(newest, token, "fence"))
                .await?
            {
                return Ok((complete, position));
            }
        }
        Err(Error::new(ErrorKind::Busy, "open writer").context(format!(
            "others won the number of the catalog entry {ATTEMPTS} times in a row"
        )))
    }
}

/// Whether the leader of `token` won this entry itself.
fn is_own(entry: &CatalogEntry, token: &FenceToken) -> bool {
    entry.epoch == token.epoch && entry.nonce.starts_with(&nonce(token))
}

/// What the nonces of this leader's entries begin with.
fn nonce(token: &FenceToken) -> String {
    format!("{:032x}-", token.nonce)
}

/// The entry that lists the same as `newest`, under the epoch of `token`.
pub(super) fn same(
    newest: Option<CatalogEntry>,
    token: &FenceToken,
    mark: &'static str,
) -> CatalogEntry {
    let (number, oldest_upload, snapshots) = newest.map_or_else(Default::default, |newest| {
        (newest.number, newest.oldest_upload, newest.snapshots)
    });
    CatalogEntry {
        format: CATALOG_FORMAT,
        cluster: token.cluster,
        number: number + 1,
        previous: String::new(),
        epoch: token.epoch,
        writer: token.holder.clone(),
        nonce: nonce(token) + mark,
        oldest_upload,
        snapshots,
        retired: Vec::new(),
        complete: false,
    }
}

/// Where the newest snapshot stands; genesis while there is none.
pub(super) fn position_of(entry: Option<&CatalogEntry>, cluster: Fingerprint) -> Position {
    entry
        .and_then(CatalogEntry::newest)
        .map_or_else(|| Position::genesis(cluster), |listed| listed.position)
}

/// How a state at `stands` compares with the newest snapshot: `None` when it is that one's.
pub(super) fn compare(stands: Position, newest: Position) -> Option<Error> {
    if stands == newest {
        return None;
    }
    if stands.seq < newest.seq {
        let floor = newest.seq.next();
        return Some(Error::new(ErrorKind::Trimmed { floor }, "follow").context(format!(
            "the newest snapshot stands at {newest}, the state at {stands}, and mode \"snapshot\" keeps no entry between"
        )));
    }
    Some(Error::new(ErrorKind::LogRegressed, "follow").context(format!(
        "the state stands at {stands}, the newest snapshot at {newest}: it is of a history that is over"
    )))
}

#[async_trait]
impl Store for EphemeralOpLog {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.store.fingerprint().await
    }

    async fn init(&self, _cluster: Fingerprint) -> Result<()> {
        Ok(())
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl OpLogStore for EphemeralOpLog {
    fn capabilities(&self) -> OpLogCapabilities {
        let mut capabilities = OpLogCapabilities::memory();
        capabilities.outlives_term = false;
        capabilities.keeps_skips = false;
        capabilities.tells_usage = false;
        capabilities
    }

    async fn bounds(&self) -> Result<Bounds> {
        let cluster = self.cluster().await?;
        let newest = self.store.newest().await?;
        let position = position_of(newest.as_ref(), cluster);
        Ok(Bounds {
            floor: position.seq.next(),
            before_floor: position,
            tail: position,
            epoch: newest.map_or(Epoch::ZERO, |entry| entry.epoch),
        })
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let (complete, tail) = self.shut_out(token).await?;
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        Ok(Box::new(EphemeralWriter {
            store: Arc::clone(&self.store),
            token: token.clone(),
            complete,
            tail,
            newest: Arc::clone(&self.generation),
            generation,
        }))
    }

    async fn begin_at(&self, token: &FenceToken, position: Position) -> Result<()> {
        let (_, newest) = self.shut_out(token).await?;
        match compare(position, newest) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    async fn open_follower(&self, _token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        Err(Error::new(ErrorKind::Unsupported, "open follower")
            .context("mode \"snapshot\" keeps no entry: standbys follow its snapshots"))
    }

    async fn read(&self, after: Position, _limit: ReadLimit) -> Result<Vec<Batch>> {
        match compare(after, self.bounds().await?.tail) {
            None => Ok(Vec::new()),
            Some(error) => Err(error),
        }
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let cluster = self.cluster().await?;
        let tail = EphemeralTail::new(Arc::clone(&self.store), cluster, after);
        Ok(Box::new(tail))
    }

    async fn trim(&self, _through: Seq, _guard: &dyn TrimGuard) -> Result<Seq> {
        Ok(self.bounds().await?.floor)
    }
}
