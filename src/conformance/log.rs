use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{Apart, LogHarness, LogSpace};
use standfast_core::{OpLogStore, Result};

use super::places::{Place, Places};
use super::processes::{AwayLog, Crew, Processes, Which};

/// `[oplog]` of a configuration: its storages are scratch places, its handles those that nodes would open.
#[derive(Clone)]
pub(super) struct ConfiguredLog {
    pub(super) places: Arc<Places<dyn OpLogStore>>,
    pub(super) processes: Option<Processes>,
}

impl fmt::Debug for ConfiguredLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfiguredLog")
    }
}

#[async_trait]
impl LogHarness for ConfiguredLog {
    async fn space(&self) -> Result<Box<dyn LogSpace>> {
        Ok(Box::new(Space {
            place: self.places.fresh().await?,
            crew: Crew::new(self.processes.clone()),
        }))
    }
}

struct Space {
    place: Place<dyn OpLogStore>,
    crew: Crew,
}

#[async_trait]
impl LogSpace for Space {
    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        self.place.open().await
    }

    async fn open_apart(&self) -> Result<Option<Apart<dyn OpLogStore>>> {
        let here = self.place.open().await?;
        AwayLog::start(here, &self.crew, &self.place.address(Which::Log))
    }

    async fn remove(&self) -> Result<()> {
        self.crew.end()?;
        self.place.remove().await
    }
}
