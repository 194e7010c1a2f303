use std::sync::Arc;

use standfast_core::Result;

use super::block_store::{BlockStore, Put};
use super::{BatchBy, BlockKey, Meter, Record};

/// One client of the load: looks up the blocks of a request, and puts those that are not there.
pub(super) struct Player<S> {
    pub(super) store: S,
    pub(super) meter: Arc<Meter>,
    pub(super) record: Arc<Record>,
    pub(super) batch: BatchBy,
    pub(super) block_size: u64,
}

impl<S: BlockStore> Player<S> {
    /// Plays one request.
    ///
    /// # Errors
    /// Only when the record cannot be written. What the cluster does wrong is counted.
    ///
    /// # Cancel safety
    /// What was put and not acknowledged by then is counted so.
    pub(super) async fn play(&self, keys: &[BlockKey]) -> Result<()> {
        self.meter.request_begins();
        match self.batch {
            BatchBy::Request => self.play_together(keys).await?,
            BatchBy::Key => {
                for key in keys {
                    self.play_together(std::slice::from_ref(key)).await?;
                }
            }
        }
        self.meter.request_ends();
        Ok(())
    }

    async fn play_together(&self, keys: &[BlockKey]) -> Result<()> {
        let found = match self.store.look_up(keys).await {
            Ok(found) => found,
            Err(error) => {
                self.failed("look up", &error);
                return Ok(());
            }
        };
        let (mut hits, mut absent) = (0, Vec::new());
        for (key, found) in keys.iter().zip(found) {
            match found {
                Ok(true) => hits += 1,
                Ok(false) => absent.push(*key),
                Err(kind) => self.meter.error(kind),
            }
        }
        self.meter.looked_up(keys.len() as u64, hits);
        if absent.is_empty() {
            return Ok(());
        }
        self.put(&absent).await
    }

    async fn put(&self, keys: &[BlockKey]) -> Result<()> {
        let begun = self.meter.now();
        self.meter.put_begins(keys.len() as u64);
        let answers = match self.store.put(keys, self.block_size).await {
            Ok(answers) => answers,
            Err(error) => {
                self.failed("put", &error);
                return Ok(());
            }
        };
        let mut acknowledged = Vec::with_capacity(keys.len());
        for (key, answer) in keys.iter().zip(answers) {
            match answer {
                Put::Acknowledged => acknowledged.push(*key),
                Put::Exists => self.meter.was_there(),
                Put::Refused(kind) => self.meter.error(kind),
            }
        }
        // On disk before it is counted: what the report calls acknowledged can be looked for.
        self.record.add(&acknowledged)?;
        self.meter.acknowledged(acknowledged.len() as u64, begun);
        Ok(())
    }

    fn failed(&self, what: &str, error: &standfast_core::Error) {
        tracing::warn!(%error, "cannot {what}");
        self.meter.error(error.kind().name().to_owned());
    }
}
