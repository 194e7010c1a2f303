use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{SnapshotHarness, SnapshotSpace};
use standfast_core::{Result, SnapshotStore};

use super::places::{Place, Places};

/// `[snapshots]` of a configuration: its storages are scratch places, its handles those that nodes would open.
#[derive(Clone)]
pub(super) struct ConfiguredSnapshots(pub(super) Arc<Places<dyn SnapshotStore>>);

impl fmt::Debug for ConfiguredSnapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfiguredSnapshots")
    }
}

#[async_trait]
impl SnapshotHarness for ConfiguredSnapshots {
    async fn space(&self) -> Result<Box<dyn SnapshotSpace>> {
        Ok(Box::new(self.0.fresh().await?))
    }
}

#[async_trait]
impl SnapshotSpace for Place<dyn SnapshotStore> {
    async fn open(&self) -> Result<Arc<dyn SnapshotStore>> {
        Self::open(self).await
    }

    async fn remove(&self) -> Result<()> {
        Self::remove(self).await
    }
}
