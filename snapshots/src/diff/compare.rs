use serde::Serialize;
use standfast_core::{MachineRestore, Result, SnapshotId, SnapshotStore};

use super::rows::RowsOf;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is in the newer one only.
    Added,
    /// It is in the older one only.
    Removed,
    /// It is in both, and differs.
    Changed,
}

/// How many rows became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// In the newer one only.
    pub added: u64,
    /// In the older one only.
    pub removed: u64,
    /// In both, and different.
    pub changed: u64,
    /// In both, and equal.
    pub same: u64,
}

/// Compares the rows that have keys, from the snapshot `older` to `newer`, and gives `each` that is not the same: bucket
/// by bucket, by key within one. Says nothing of the rows without keys nor of sessions.
///
/// Memory: a part of each, or of every layer of each, and the rows of one bucket.
///
/// # Errors
/// As opening and reading a snapshot; `Unsupported` when the service cannot tell its rows apart; what `each` returns.
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub async fn diff(
    store: &dyn SnapshotStore,
    (older, newer): (&SnapshotId, &SnapshotId),
    empty: MachineRestore,
    mut each: impl FnMut(Change, &[u8]) -> Result<()> + Send,
) -> Result<Difference> {
    let (older, newer) = (store.open(older).await?, store.open(newer).await?);
    for reader in [&older, &newer] {
        empty.check(reader.manifest())?;
        reader.manifest().check_layers()?;
    }
    let mut older = RowsOf::new(&older.into());
    let mut newer = RowsOf::new(&newer.into());
    let mut counts = Difference::default();
    loop {
        let next = [older.peek().await?, newer.peek().await?];
        let Some(bucket) = next.into_iter().flatten().min() else {
            return Ok(counts);
        };
        let mut left = older.take(&empty, bucket)?;
        let there = newer.take(&empty, bucket)?;
        for (key, row) in there {
            match left.remove(&key) {
                None => {
                    counts.added += 1;
                    each(Change::Added, &key)?;
                }
                Some(before) if before == row => counts.same += 1,
                Some(_) => {
                    counts.changed += 1;
                    each(Change::Changed, &key)?;
                }
            }
        }
        for key in left.keys() {
            counts.removed += 1;
            each(Change::Removed, key)?;
        }
    }
}
