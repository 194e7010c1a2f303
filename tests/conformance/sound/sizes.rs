use async_trait::async_trait;
use standfast::Result;
use standfast::conformance::LogTwist;
use standfast::standfast_core::{Batch, OpLogCapabilities, OpLogStore, ReadLimit, Usage};

/// Runs of the same byte take two bytes.
pub(super) struct Compresses;

impl Compresses {
    fn size(batch: &Batch) -> usize {
        2 * batch.frame().chunk_by(|a, b| a == b).count()
    }
}

#[async_trait]
impl LogTwist for Compresses {
    async fn usage(&self, store: &dyn OpLogStore) -> Result<Option<Usage>> {
        let begin = store.bounds().await?.before_floor;
        let batches = store.read(begin, ReadLimit::default()).await?;
        let usage = store.usage().await?;
        Ok(usage.map(|usage| Usage {
            bytes: batches.iter().map(Self::size).sum::<usize>() as u64,
            ..usage
        }))
    }
}

/// As many entries as there is room for.
pub(super) struct LimitsBytesAlone;

#[async_trait]
impl LogTwist for LimitsBytesAlone {
    fn capabilities(&self, store: &dyn OpLogStore) -> OpLogCapabilities {
        let mut capabilities = store.capabilities();
        capabilities.max_batch_entries = usize::MAX;
        capabilities
    }
}
