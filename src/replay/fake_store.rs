use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast_core::{Error, ErrorKind, Result};

use super::BlockKey;
use super::block_store::{BlockStore, Found, Put};

/// A cluster in memory, with defects to order.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeStore {
    held: Arc<Mutex<BTreeSet<BlockKey>>>,
    silent: bool,
    hangs: bool,
    refuses: Option<BlockKey>,
}

impl FakeStore {
    pub(super) fn holding(keys: BTreeSet<BlockKey>) -> Self {
        Self {
            held: Arc::new(Mutex::new(keys)),
            ..Self::default()
        }
    }

    /// Answers nothing in time.
    pub(super) const fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// A put is never answered.
    pub(super) const fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }

    /// Has no room for this one.
    pub(super) const fn refusing(mut self, key: BlockKey) -> Self {
        self.refuses = Some(key);
        self
    }

    fn answers(&self) -> Result<()> {
        if self.silent {
            return Err(Error::new(ErrorKind::Unknown, "ask").context("silent"));
        }
        Ok(())
    }
}

#[async_trait]
impl BlockStore for FakeStore {
    async fn look_up(&self, keys: &[BlockKey]) -> Result<Vec<Found>> {
        self.answers()?;
        let held = self.held.lock();
        Ok(keys.iter().map(|key| Ok(held.contains(key))).collect())
    }

    async fn put(&self, keys: &[BlockKey], _size: u64) -> Result<Vec<Put>> {
        self.answers()?;
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let mut held = self.held.lock();
        let put = |key: &BlockKey| match () {
            () if self.refuses == Some(*key) => Put::Refused("no_available_handle".to_owned()),
            () if held.insert(*key) => Put::Acknowledged,
            () => Put::Exists,
        };
        Ok(keys.iter().map(put).collect())
    }
}
