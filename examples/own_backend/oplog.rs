use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{OptionalExtension, Transaction};
use standfast::standfast_core::{
    Batch, Bounds, Delivery, Durability, FenceToken, Fencing, Fingerprint, FollowerWriter,
    OpLogCapabilities, OpLogStore, OpLogTail, OpLogWriter, Position, Reach, ReadLimit, Seq, Store,
    TrimGuard,
};
use standfast::{ErrorKind, Result};

use super::database::Database;
use super::error::{NAME, error, sqlite_error};
use super::fence::Fence;
use super::tail::SqliteTail;
use super::writer::SqliteWriter;

/// A log in one SQLite file, which the nodes of one host share.
#[derive(Clone, Debug)]
pub(crate) struct SqliteOpLog(Database);

/// What it declares: one transaction compares the fence and inserts; a commit is synced; the nodes of one host read the
/// file, and look for what is new.
pub(crate) fn capabilities() -> OpLogCapabilities {
    let mut capabilities = OpLogCapabilities::memory();
    capabilities.fencing = Fencing::Transaction;
    capabilities.durability = Durability::Disk;
    capabilities.reach = Reach::Host;
    capabilities.delivery = Delivery::Poll;
    capabilities.begins_anew = false;
    capabilities.keeps_skips = false;
    capabilities.tells_usage = false;
    capabilities
}

impl SqliteOpLog {
    pub(crate) fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl Store for SqliteOpLog {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        let found = self
            .0
            .off_thread(|own| own.look("read fingerprint", Fence::find));
        Ok(found.await?.map(|fence| fence.cluster))
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        let init = move |own: &Database| own.change("init", |tx| Fence::init(tx, cluster));
        self.0.off_thread(init).await
    }

    async fn probe(&self) -> Result<()> {
        // That a write transaction can be had is proof enough; it changes nothing.
        self.0
            .off_thread(|own| own.change("probe", |_| Ok(())))
            .await
    }
}

#[async_trait]
impl OpLogStore for SqliteOpLog {
    fn capabilities(&self) -> OpLogCapabilities {
        capabilities()
    }

    async fn bounds(&self) -> Result<Bounds> {
        self.0.off_thread(|own| own.look("bounds", bounds)).await
    }

    async fn open_writer(&self, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
        let token = token.clone();
        let open = move |own: &Database| {
            let (fence, bounds) = own.change("open writer", |tx| {
                Ok((Fence::let_in(tx, &token)?, bounds(tx)?))
            })?;
            Ok(SqliteWriter::new(
                own.clone(),
                token.epoch,
                fence.generation,
                bounds.tail,
            ))
        };
        Ok(Box::new(self.0.off_thread(open).await?))
    }

    async fn open_follower(&self, _token: &FenceToken) -> Result<Box<dyn FollowerWriter>> {
        Err(error(ErrorKind::Unsupported, "open follower")
            .context("the log is shared by its nodes: standbys tail it"))
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let read = move |own: &Database| own.look("read", |tx| read(tx, after, limit));
        self.0.off_thread(read).await
    }

    async fn tail(&self, after: Position) -> Result<Box<dyn OpLogTail>> {
        let find = move |own: &Database| {
            own.look("tail", |tx| {
                find(tx, after)?;
                Ok(Fence::get(tx)?.epoch)
            })
        };
        let epoch = self.0.off_thread(find).await?;
        Ok(Box::new(SqliteTail::new(self.0.clone(), after, epoch)))
    }

    async fn trim(&self, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
        // Whoever does not lead need not ask what is needed.
        let token = guard.token().clone();
        let check =
            move |own: &Database| own.look("trim", |tx| Fence::held_by(tx, &token).map(drop));
        self.0.off_thread(check).await?;
        let needed = guard.lowest_needed().await?;
        let through = needed.map_or(through, |seq| through.min(Seq(seq.0.saturating_sub(1))));
        let token = guard.token().clone();
        let cut = move |own: &Database| own.change("trim", |tx| trim(tx, &token, through));
        self.0.off_thread(cut).await
    }
}

fn bounds(transaction: &Transaction<'_>) -> Result<Bounds> {
    let fence = Fence::get(transaction)?;
    let last = one(
        transaction,
        "SELECT frame FROM batches ORDER BY last DESC LIMIT 1",
        Seq::ZERO,
    )?;
    Ok(Bounds {
        floor: fence.base.seq.next(),
        before_floor: fence.base,
        tail: last.map_or(fence.base, |batch| batch.end()),
        epoch: fence.epoch,
    })
}

/// Batches after `after`. Nothing is believed: each must follow the one before (R4).
pub(crate) fn read(
    transaction: &Transaction<'_>,
    after: Position,
    limit: ReadLimit,
) -> Result<Vec<Batch>> {
    find(transaction, after)?;
    let failed = |source| sqlite_error("read", source);
    let mut statement = transaction
        .prepare_cached("SELECT frame FROM batches WHERE first > ?1 ORDER BY first")
        .map_err(failed)?;
    let mut rows = statement.query([after.seq.0]).map_err(failed)?;
    let (mut batches, mut position, mut bytes) = (Vec::new(), after, 0);
    while batches.len() < limit.batches.max(1)
        && let Some(row) = rows.next().map_err(failed)?
    {
        let batch = decode(row.get(0).map_err(failed)?)?;
        if !batch.follows(position) {
            return Err(error(ErrorKind::Gap, "read")
                .context(format!("{} does not follow {position}", batch.end())));
        }
        bytes += batch.frame().len();
        if bytes > limit.bytes && !batches.is_empty() {
            break;
        }
        position = batch.end();
        batches.push(batch);
    }
    Ok(batches)
}

/// Proves that `after` lies in this history (OL-7).
fn find(transaction: &Transaction<'_>, after: Position) -> Result<()> {
    let base = Fence::get(transaction)?.base;
    if after.seq < base.seq {
        let floor = base.seq.next();
        return Err(error(ErrorKind::Trimmed { floor }, "read")
            .context(format!("asked for what follows {after}")));
    }
    let here = if after.seq == base.seq {
        Some(base)
    } else {
        let batch = one(
            transaction,
            "SELECT frame FROM batches WHERE last = ?1",
            after.seq,
        )?;
        batch.map(|batch| batch.end())
    };
    if here == Some(after) {
        return Ok(());
    }
    Err(error(ErrorKind::LogRegressed, "read").context(format!("{after} is not in this log")))
}

/// Removes whole batches, never the last one.
fn trim(transaction: &Transaction<'_>, token: &FenceToken, through: Seq) -> Result<Seq> {
    // Asked again, in the transaction that deletes: the guard may have taken its time.
    let fence = Fence::held_by(transaction, token)?;
    let last = bounds(transaction)?.tail.seq;
    let cut = "SELECT frame FROM batches WHERE last <= ?1 ORDER BY last DESC LIMIT 1";
    let below = Seq(last.0.saturating_sub(1)).min(through);
    let Some(newest) = one(transaction, cut, below)? else {
        return Ok(fence.base.seq.next());
    };
    let base = newest.end();
    fence.begin_behind(transaction, base)?;
    transaction
        .execute("DELETE FROM batches WHERE last <= ?1", [base.seq.0])
        .map_err(|source| sqlite_error("trim", source))?;
    Ok(base.seq.next())
}

/// The batch that a query finds.
fn one(transaction: &Transaction<'_>, query: &str, seq: Seq) -> Result<Option<Batch>> {
    let failed = |source| sqlite_error("read", source);
    let mut statement = transaction.prepare_cached(query).map_err(failed)?;
    // `seq` is what the query asks for, if it asks.
    let parameters = [seq.0].into_iter().take(statement.parameter_count());
    let frame = statement
        .query_row(rusqlite::params_from_iter(parameters), |row| row.get(0))
        .optional()
        .map_err(failed)?;
    frame.map(decode).transpose()
}

fn decode(frame: Vec<u8>) -> Result<Batch> {
    Batch::decode(Bytes::from(frame)).map_err(|error| error.backend(NAME))
}
