use standfast::node::Stores;
use standfast_core::{
    Batch, Bounds, ErrorKind, Listed, Position, ReadLimit, Result, Usage, wall_clock_ms,
};

use super::bucket::Held;

/// So much of the log is read for the size of its entries.
const SAMPLE: ReadLimit = ReadLimit {
    batches: 1024,
    bytes: 8 << 20,
};

/// What the stores hold now.
#[derive(Debug, PartialEq)]
pub(super) struct Present {
    /// How old the newest snapshot is, by wall clocks; none: there is none.
    pub(super) newest_age_ms: Option<u64>,
    /// Its rows.
    pub(super) rows: u64,
    /// Entries after it.
    pub(super) suffix: u64,
    pub(super) bytes_per_entry: f64,
    /// From the oldest snapshot that is listed to the newest; with fewer than two, since the log's first entry.
    pub(super) entries_per_s: Option<f64>,
    pub(super) log_bytes: u64,
    /// What the log may grow by; none: nobody knows.
    pub(super) available_bytes: Option<u64>,
    /// Of a bucket that is kept by servers.
    pub(super) held: Option<Held>,
}

impl Present {
    /// Looks at the catalog, at the ends of the log, and at a sample of it.
    pub(super) async fn look(stores: &Stores) -> Result<Self> {
        let entry = match &stores.snapshots {
            Some(store) => store.newest().await?,
            None => None,
        };
        let listed = entry.as_ref().map_or(&[][..], |entry| &entry.snapshots);
        let (bounds, sample) = beginning(stores).await?;
        let usage = stores.oplog.usage().await?;
        let begin = listed
            .last()
            .map_or(bounds.before_floor, |newest| newest.position);
        Ok(Self {
            newest_age_ms: listed.last().and_then(|newest| since(newest.created_ms)),
            rows: listed.last().map_or(0, |newest| newest.rows),
            suffix: bounds.tail.seq.0.saturating_sub(begin.seq.0),
            bytes_per_entry: bytes_per_entry(&sample),
            entries_per_s: recent(listed).or_else(|| all_along(&sample, bounds.tail)),
            log_bytes: usage.map_or(0, |usage| usage.bytes),
            available_bytes: usage.as_ref().and_then(room),
            held: Held::look(stores, listed).await?,
        })
    }
}

/// The ends of the log, and what it begins with.
async fn beginning(stores: &Stores) -> Result<(Bounds, Vec<Batch>)> {
    loop {
        let bounds = stores.oplog.bounds().await?;
        match stores.oplog.read(bounds.before_floor, SAMPLE).await {
            // By a leader, meanwhile: from where it begins now.
            Err(error) if matches!(error.kind(), ErrorKind::Trimmed { .. }) => {}
            sample => return Ok((bounds, sample?)),
        }
    }
}

/// Up to its limit or to the end of its disk, whichever is nearer.
fn room(usage: &Usage) -> Option<u64> {
    let to_limit = usage.limit.map(|limit| limit.saturating_sub(usage.bytes));
    to_limit.into_iter().chain(usage.available).min()
}

fn bytes_per_entry(sample: &[Batch]) -> f64 {
    let bytes: usize = sample.iter().map(|batch| batch.frame().len()).sum();
    let entries: usize = sample.iter().map(Batch::len).sum();
    ratio(bytes as u64, entries.max(1) as u64)
}

/// From the oldest snapshot to the newest.
fn recent(listed: &[Listed]) -> Option<f64> {
    let (oldest, newest) = (listed.first()?, listed.last()?);
    let ms = newest.created_ms.checked_sub(oldest.created_ms)?;
    let entries = newest.position.seq.0.checked_sub(oldest.position.seq.0)?;
    (ms > 0).then(|| ratio(entries * 1000, ms))
}

/// Milliseconds since a time of the wall clock.
fn since(wall_ms: u64) -> Option<u64> {
    wall_clock_ms().checked_sub(wall_ms)
}

/// From the first entry that the log holds until now.
fn all_along(sample: &[Batch], tail: Position) -> Option<f64> {
    let first = sample.first()?;
    let ms = since(first.first_entry().ok()?.timestamp_ms)?;
    let entries = tail.seq.0.checked_sub(first.first().0)?;
    (ms > 0).then(|| ratio(entries * 1000, ms))
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
