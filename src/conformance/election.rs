use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use standfast_core::conformance::{Apart, ElectionHarness, ElectionSpace};
use standfast_core::{Clock, ElectionBackend, Factory, Result, Span};

use super::places::{Place, Places};
use super::processes::{AwayElection, Crew, Processes, Which};
use crate::config::BackendTable;

/// The ttl of a store whose table names none.
const TTL: Duration = Duration::from_secs(5);
/// The longest ttl that the cases, which wait for leases to end, are run with.
const LONGEST: Duration = Duration::from_secs(2);

/// `[election]` of a configuration: its storages are scratch places, its handles those that nodes would open.
#[derive(Clone)]
pub(super) struct ConfiguredElection {
    pub(super) places: Arc<Places<dyn ElectionBackend>>,
    pub(super) ttl: Duration,
    pub(super) processes: Option<Processes>,
}

impl fmt::Debug for ConfiguredElection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfiguredElection(ttl {:?})", self.ttl)
    }
}

/// The table of the cases, and its ttl: the configured one, made shorter where it is long and the table has a word for it.
pub(super) fn with_short_ttl(
    backend: &BackendTable,
    factory: &dyn Factory<dyn ElectionBackend>,
) -> (BackendTable, Duration) {
    let configured = backend.table.get("ttl");
    let configured = configured.and_then(|ttl| ttl.clone().try_into::<Span>().ok());
    let ttl = configured.map_or(TTL, |ttl| ttl.0);
    if ttl <= LONGEST || !factory.keys().contains(&"ttl") {
        return (backend.clone(), ttl);
    }
    let mut backend = backend.clone();
    backend
        .table
        .insert("ttl".into(), Span(LONGEST).to_string().into());
    // It was chosen for the longer one.
    backend.table.remove("margin");
    (backend, LONGEST)
}

#[async_trait]
impl ElectionHarness for ConfiguredElection {
    async fn space(&self) -> Result<Box<dyn ElectionSpace>> {
        Ok(Box::new(Space {
            place: self.places.fresh().await?,
            ttl: self.ttl,
            crew: Crew::new(self.processes.clone()),
        }))
    }
}

struct Space {
    place: Place<dyn ElectionBackend>,
    ttl: Duration,
    crew: Crew,
}

#[async_trait]
impl ElectionSpace for Space {
    async fn open(&self, clock: &Clock) -> Result<Arc<dyn ElectionBackend>> {
        self.place.open_on(clock).await
    }

    fn ttl(&self) -> Duration {
        self.ttl
    }

    /// A process goes by the system's clock, whatever `clock` is.
    async fn open_apart(&self, clock: &Clock) -> Result<Option<Apart<dyn ElectionBackend>>> {
        let here = self.place.open_on(clock).await?;
        AwayElection::start(here, &self.crew, &self.place.address(Which::Election))
    }

    async fn remove(&self) -> Result<()> {
        self.crew.end()?;
        self.place.remove().await
    }
}
