use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{LogHarness, LogSpace};
use standfast_core::{OpLogStore, Result};

use super::places::{Place, Places};

/// `[oplog]` of a configuration: its storages are scratch places, its handles those that nodes would open.
#[derive(Clone)]
pub(super) struct ConfiguredLog(pub(super) Arc<Places<dyn OpLogStore>>);

impl fmt::Debug for ConfiguredLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfiguredLog")
    }
}

#[async_trait]
impl LogHarness for ConfiguredLog {
    async fn space(&self) -> Result<Box<dyn LogSpace>> {
        Ok(Box::new(self.0.fresh().await?))
    }
}

#[async_trait]
impl LogSpace for Place<dyn OpLogStore> {
    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        Self::open(self).await
    }

    async fn remove(&self) -> Result<()> {
        Self::remove(self).await
    }
}
