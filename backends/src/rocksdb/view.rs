use std::path::Path;

use bytes::Bytes;
use rocksdb::{DB, Direction, IteratorMode, ReadOptions, Snapshot};

use super::database::{batches, meta};
use super::error::{corrupt, database_error, error, foreign, not_initialised};
use super::layout::{SKIPS, batch_key};
use super::records::{
    ClusterRecord, CommittedRecord, FenceRecord, FloorRecord, Single, SkipRecord,
};
use crate::record::{Record, decode};
use standfast_core::{
    Batch, Bounds, Epoch, Error, ErrorKind, FenceToken, Fingerprint, Position, ReadLimit, Result,
    Seq, Skip,
};

/// What a reader sees, all at one moment.
///
/// A reader that follows another process sees what that one has written, synced or not. So batches are delivered up to what
/// is *known committed* only: because another batch follows, which its writer began when they were committed; or by the record
/// that the writer leaves when none follows.
pub(super) struct View<'a> {
    db: &'a DB,
    dir: &'a Path,
    /// None where nothing changes between two looks.
    snapshot: Option<Snapshot<'a>>,
    version: u64,
}

impl<'a> View<'a> {
    /// Of a database that is written to.
    pub(super) fn live(db: &'a DB, dir: &'a Path) -> Self {
        // Before the snapshot is taken: what is written in between is seen without being counted, and so looked at again.
        let version = db.latest_sequence_number();
        Self {
            db,
            dir,
            snapshot: Some(db.snapshot()),
            version,
        }
    }

    /// Of one that stands still while it is looked at.
    pub(super) fn still(db: &'a DB, dir: &'a Path) -> Self {
        Self {
            db,
            dir,
            snapshot: None,
            version: db.latest_sequence_number(),
        }
    }

    /// Rises with every change.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if let Some(snapshot) = &self.snapshot {
            options.set_snapshot(snapshot);
        }
        options
    }

    fn failed(&self, source: rocksdb::Error) -> Error {
        database_error("read log", self.dir, source)
    }

    /// The record that there is one of.
    pub(super) fn record<T: Single>(&self) -> Result<Option<T>> {
        let found = self
            .db
            .get_pinned_cf_opt(meta(self.db), T::KEY, &self.options());
        match found.map_err(|source| self.failed(source))? {
            Some(bytes) => self.decoded(T::KEY, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn decoded<T: Record>(&self, key: &str, bytes: &[u8]) -> Result<T> {
        decode(bytes).map_err(|error| error.context(format!("{}: {key}", self.dir.display())))
    }

    pub(super) fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        let record = self.record::<ClusterRecord>()?;
        Ok(record.map(|record| record.fingerprint))
    }

    /// The fingerprint of a log that must have one.
    pub(super) fn cluster(&self, operation: &'static str) -> Result<Fingerprint> {
        self.fingerprint()?
            .ok_or_else(|| not_initialised(operation, self.dir))
    }

    /// Whether the log is that of the token's cluster.
    pub(super) fn owned_by(&self, token: &FenceToken, operation: &'static str) -> Result<()> {
        let own = self.cluster(operation)?;
        if own == token.cluster {
            return Ok(());
        }
        Err(foreign(operation, self.dir, own, token.cluster))
    }

    /// The highest epoch that was let in.
    pub(super) fn epoch(&self) -> Result<Epoch> {
        let fence = self.record::<FenceRecord>()?;
        Ok(fence.map_or(Epoch::ZERO, |fence| fence.epoch))
    }

    /// What the first entry follows.
    pub(super) fn floor(&self) -> Result<Position> {
        if let Some(floor) = self.record::<FloorRecord>()? {
            return Ok(floor.position);
        }
        self.cluster("read log").map(Position::genesis)
    }

    /// The last entry that a record says is committed.
    fn marked(&self) -> Result<Seq> {
        let mark = self.record::<CommittedRecord>()?;
        Ok(mark.map_or(Seq::ZERO, |mark| mark.position.seq))
    }

    /// The batches from the one that begins with `first` on, whatever is known of them.
    pub(super) fn batches_from(&self, first: Seq) -> impl Iterator<Item = Result<Batch>> {
        let mut options = self.options();
        // What was trimmed is not passed over entry by entry.
        options.set_iterate_lower_bound(batch_key(first));
        let key = batch_key(first);
        let found = self.db.iterator_cf_opt(
            batches(self.db),
            options,
            IteratorMode::From(&key, Direction::Forward),
        );
        found.map(|item| self.batch(item))
    }

    /// The newest batch that begins at or below `seq`, above the floor.
    pub(super) fn newest_upto(&self, seq: Seq, floor: Seq) -> Result<Option<Batch>> {
        let mut options = self.options();
        options.set_iterate_lower_bound(batch_key(floor.next()));
        let key = batch_key(seq);
        let found = self.db.iterator_cf_opt(
            batches(self.db),
            options,
            IteratorMode::From(&key, Direction::Reverse),
        );
        found.map(|item| self.batch(item)).next().transpose()
    }

    #[expect(clippy::type_complexity, reason = "what the iterator gives")]
    fn batch(&self, item: Result<(Box<[u8]>, Box<[u8]>), rocksdb::Error>) -> Result<Batch> {
        let (key, frame) = item.map_err(|source| self.failed(source))?;
        let batch = Batch::decode(Bytes::from(frame)).map_err(|error| {
            let key = key.first_chunk().map_or(0, |key| u64::from_be_bytes(*key));
            error.context(format!("{}: batch {key}", self.dir.display()))
        })?;
        if *key != batch_key(batch.first()) {
            let what = format!("batch {} under another one's key", batch.first());
            return Err(corrupt("read log", self.dir, &what));
        }
        Ok(batch)
    }

    /// End of the last batch, committed or not.
    pub(super) fn end(&self) -> Result<Position> {
        let floor = self.floor()?;
        let last = self.newest_upto(Seq(u64::MAX), floor.seq)?;
        Ok(last.map_or(floor, |batch| batch.end()))
    }

    /// End of the last batch that is known committed.
    pub(super) fn committed(&self) -> Result<Position> {
        let floor = self.floor()?;
        let Some(last) = self.newest_upto(Seq(u64::MAX), floor.seq)? else {
            return Ok(floor);
        };
        if last.last() <= self.marked()? {
            return Ok(last.end());
        }
        self.end_upto(before(&last), floor)
    }

    /// End of the last batch that ends at or below `seq`.
    pub(super) fn end_upto(&self, seq: Seq, floor: Position) -> Result<Position> {
        let mut at = seq;
        while let Some(batch) = self.newest_upto(at, floor.seq)? {
            if batch.last() <= seq {
                return Ok(batch.end());
            }
            at = before(&batch);
        }
        Ok(floor)
    }

    pub(super) fn bounds(&self) -> Result<Bounds> {
        let before_floor = self.floor()?;
        Ok(Bounds {
            floor: before_floor.seq.next(),
            before_floor,
            tail: self.committed()?,
            epoch: self.epoch()?,
        })
    }

    pub(super) fn skips(&self) -> Result<Vec<Skip>> {
        let found = self.db.iterator_cf_opt(
            meta(self.db),
            self.options(),
            IteratorMode::From(SKIPS.as_bytes(), Direction::Forward),
        );
        let mut skips = Vec::new();
        for item in found {
            let (key, bytes) = item.map_err(|source| self.failed(source))?;
            if !key.starts_with(SKIPS.as_bytes()) {
                break;
            }
            let key = String::from_utf8_lossy(&key);
            skips.push(self.decoded::<SkipRecord>(&key, &bytes)?.skip);
        }
        Ok(skips)
    }

    /// Proves that `after` lies in this history (OL-7).
    ///
    /// # Errors
    /// `Trimmed`, `LogRegressed`.
    pub(super) fn find(&self, after: Position) -> Result<()> {
        let floor = self.not_trimmed(after)?;
        let here = if after.seq == floor.seq {
            floor
        } else {
            self.end_upto(after.seq, floor)?
        };
        if here == after {
            return Ok(());
        }
        Err(error(ErrorKind::LogRegressed, "read").context(format!(
            "{after} is not in {}: it has {here} there and ends at {}",
            self.dir.display(),
            self.end()?
        )))
    }

    fn not_trimmed(&self, after: Position) -> Result<Position> {
        let before_floor = self.floor()?;
        if after.seq >= before_floor.seq {
            return Ok(before_floor);
        }
        let floor = before_floor.seq.next();
        Err(error(ErrorKind::Trimmed { floor }, "read")
            .context(format!("asked for what follows {after}")))
    }

    /// Committed batches after `after`, which was found before.
    ///
    /// # Errors
    /// `Trimmed`; `Gap` when what comes next, and is known to be there, is not.
    pub(super) fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        self.not_trimmed(after)?;
        let mut committed = self.marked()?;
        let (mut run, mut end, mut bytes) = (Vec::new(), after, 0);
        let mut ended = true;
        for batch in self.batches_from(after.seq.next()) {
            let batch = batch?;
            committed = committed.max(before(&batch));
            bytes += batch.frame().len();
            // One more than what fits was looked at: it tells that the last one is committed.
            let is_full = run.len() >= limit.batches.max(1) || bytes > limit.bytes;
            ended = !is_full || run.is_empty();
            if !ended || batch.first() > end.seq.next() {
                break;
            }
            end = self.after(end, &batch)?;
            run.push(batch);
        }
        if ended && committed > end.seq && run.is_empty() {
            return Err(error(ErrorKind::Gap, "read").context(format!(
                "{}: seq {committed} was committed, and nothing follows {after}",
                self.dir.display()
            )));
        }
        run.retain(|batch| batch.last() <= committed);
        Ok(run)
    }

    /// Batches after `after` up to `end`, committed or not; at least one if there are any.
    pub(super) fn run(
        &self,
        after: Position,
        end: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        let (mut run, mut at, mut bytes) = (Vec::new(), after, 0);
        for batch in self.batches_from(after.seq.next()) {
            let batch = batch?;
            bytes += batch.frame().len();
            let is_full = run.len() >= limit.batches.max(1) || bytes > limit.bytes;
            if batch.last() > end.seq || (is_full && !run.is_empty()) {
                break;
            }
            at = self.after(at, &batch)?;
            run.push(batch);
        }
        Ok(run)
    }

    /// Where the log goes on behind `batch`, which must follow `end`.
    fn after(&self, end: Position, batch: &Batch) -> Result<Position> {
        if batch.follows(end) {
            return Ok(batch.end());
        }
        let what = format!("batch {} does not follow {end}", batch.first());
        Err(corrupt("read log", self.dir, &what))
    }
}

/// The entry before the batch.
fn before(batch: &Batch) -> Seq {
    Seq(batch.first().0.saturating_sub(1))
}
