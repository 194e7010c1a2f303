use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Bucket, PartRef, Result, SnapshotReader};
use tokio::task;

use crate::part::{decompress, read_sections};
use crate::publish::joined;

/// The buckets of rows of some parts, in order, one part in memory at a time. Empty ones are left out, as are the
/// sections that hold no rows with keys.
pub(super) struct BucketsOf {
    reader: Arc<dyn SnapshotReader>,
    parts: VecDeque<PartRef>,
    read: VecDeque<(Bucket, Bytes)>,
}

impl BucketsOf {
    pub(super) fn new(reader: Arc<dyn SnapshotReader>, parts: &[PartRef]) -> Self {
        Self {
            reader,
            parts: parts.to_vec().into(),
            read: VecDeque::new(),
        }
    }

    /// Which bucket comes next.
    pub(super) async fn peek(&mut self) -> Result<Option<Bucket>> {
        while self.read.is_empty()
            && let Some(part) = self.parts.pop_front()
        {
            self.read = self.buckets_of(&part).await?;
        }
        Ok(self.read.front().map(|(bucket, _)| *bucket))
    }

    /// The rows of `bucket` if it comes next, else none.
    pub(super) fn take(&mut self, bucket: Bucket) -> Bytes {
        let next = self.read.pop_front_if(|(next, _)| *next == bucket);
        next.map(|(_, rows)| rows).unwrap_or_default()
    }

    async fn buckets_of(&self, part: &PartRef) -> Result<VecDeque<(Bucket, Bytes)>> {
        let stored = self.reader.read_part(part).await?;
        let split = task::spawn_blocking(move || {
            let raw = Bytes::from(decompress(&stored)?);
            let mut found = VecDeque::new();
            read_sections(&raw, |section, _, rows| {
                if let Some(bucket) = section.bucket() {
                    found.push_back((bucket, raw.slice_ref(rows)));
                }
                Ok(())
            })?;
            Ok(found)
        });
        joined(split.await)?
    }
}
