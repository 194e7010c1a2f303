use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{Apart, SnapshotHarness, SnapshotSpace};
use standfast_core::{Result, SnapshotStore};

use super::places::{Place, Places};
use super::processes::{AwaySnapshots, Crew, Processes, Which};

/// `[snapshots]` of a configuration: its storages are scratch places, its handles those that nodes would open.
#[derive(Clone)]
pub(super) struct ConfiguredSnapshots {
    pub(super) places: Arc<Places<dyn SnapshotStore>>,
    pub(super) processes: Option<Processes>,
}

impl fmt::Debug for ConfiguredSnapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfiguredSnapshots")
    }
}

#[async_trait]
impl SnapshotHarness for ConfiguredSnapshots {
    async fn space(&self) -> Result<Box<dyn SnapshotSpace>> {
        Ok(Box::new(Space {
            place: self.places.fresh().await?,
            crew: Crew::new(self.processes.clone()),
        }))
    }
}

struct Space {
    place: Place<dyn SnapshotStore>,
    crew: Crew,
}

#[async_trait]
impl SnapshotSpace for Space {
    async fn open(&self) -> Result<Arc<dyn SnapshotStore>> {
        self.place.open().await
    }

    async fn open_apart(&self) -> Result<Option<Apart<dyn SnapshotStore>>> {
        let here = self.place.open().await?;
        AwaySnapshots::start(here, &self.crew, &self.place.address(Which::Snapshots))
    }

    async fn remove(&self) -> Result<()> {
        self.crew.end()?;
        self.place.remove().await
    }
}
