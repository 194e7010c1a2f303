use std::fmt;
use std::sync::Arc;

use standfast_core::conformance::{
    Election, ElectionHarness, Kind, Log, LogHarness, Plan, Row, SnapshotHarness, Snapshots, run,
};
use standfast_core::{Clock, Error, ErrorKind, OpenContext, Reach, Registry, Result};

use super::election::{ConfiguredElection, with_short_ttl};
use super::log::ConfiguredLog;
use super::places::{Held, Places};
use super::processes::Processes;
use super::snapshots::ConfiguredSnapshots;
use super::tried::{Called, TriedStore};
use crate::config::{Config, check_promises};

/// All cases that there are for the stores of a configuration.
#[derive(Clone, Default)]
pub struct Suite {
    log: Option<ConfiguredLog>,
    snapshots: Option<ConfiguredSnapshots>,
    election: Option<ConfiguredElection>,
    /// The places of all of them.
    places: Vec<Arc<dyn Held>>,
    processes: Option<Processes>,
}

impl Suite {
    /// The suite on the stores that `config` names, in scratch places called `name`. The configured stores need not be
    /// there.
    ///
    /// # Errors
    /// `AlreadyExists` when scratch places of this name are in use; `Invalid` when the name has other characters than lower
    /// case letters, digits and `-`; those of the factories, with the section.
    ///
    /// # Cancel safety
    /// A scratch place may stay behind.
    pub async fn claim(config: &Config, registry: &Registry, name: &str) -> Result<Self> {
        check_scratch_name(name)?;
        let context = config.open_context(&Clock::system());
        let mut suite = Self::default();
        let claimed = suite.fill(config, registry, &context, name).await;
        if let Err(error) = claimed {
            // What was claimed before the one that is refused. What stays of it is told to the next one.
            drop(suite.clean().await);
            return Err(error);
        }
        Ok(suite)
    }

    async fn fill(
        &mut self,
        config: &Config,
        registry: &Registry,
        context: &OpenContext,
        name: &str,
    ) -> Result<()> {
        if let Some(backend) = &config.oplog {
            let factory = registry.oplogs.get(&backend.kind)?;
            let name = format!("{name}-log");
            let places = Places::claim(Called::LOG, factory, backend, context, name).await?;
            self.places.push(Arc::clone(&places) as Arc<dyn Held>);
            self.log = Some(ConfiguredLog {
                places,
                processes: None,
            });
        }
        if let Some((backend, _policy)) = &config.snapshots {
            let factory = registry.snapshots.get(&backend.kind)?;
            let name = format!("{name}-snapshots");
            let places = Places::claim(Called::SNAPSHOTS, factory, backend, context, name).await?;
            self.places.push(Arc::clone(&places) as Arc<dyn Held>);
            self.snapshots = Some(ConfiguredSnapshots {
                places,
                processes: None,
            });
        }
        let factory = registry.elections.get(&config.election.kind)?;
        let (backend, ttl) = with_short_ttl(&config.election, &**factory);
        let name = format!("{name}-election");
        let places = Places::claim(Called::ELECTION, factory, &backend, context, name).await?;
        self.places.push(Arc::clone(&places) as Arc<dyn Held>);
        self.election = Some(ConfiguredElection {
            places,
            ttl,
            processes: None,
        });
        Ok(())
    }

    /// Lets the cases that freeze and kill leaders start them: without processes they do not apply.
    #[must_use]
    pub fn with_processes(mut self, processes: Processes) -> Self {
        if let Some(log) = &mut self.log {
            log.processes = Some(processes.clone());
        }
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.processes = Some(processes.clone());
        }
        if let Some(election) = &mut self.election {
            election.processes = Some(processes.clone());
        }
        self.processes = Some(processes);
        self
    }

    /// `[oplog]`, to run single cases on.
    pub fn log(&self) -> Option<Arc<dyn LogHarness>> {
        let log = self.log.clone()?;
        Some(Arc::new(log))
    }

    /// `[snapshots]`, to run single cases on.
    pub fn snapshots(&self) -> Option<Arc<dyn SnapshotHarness>> {
        let snapshots = self.snapshots.clone()?;
        Some(Arc::new(snapshots))
    }

    /// `[election]`, to run single cases on.
    pub fn election(&self) -> Option<Arc<dyn ElectionHarness>> {
        let election = self.election.clone()?;
        Some(Arc::new(election))
    }

    /// How many cases there are for the stores of `config` whose names contain `only`.
    pub fn count(config: &Config, only: &str) -> usize {
        let log = config.oplog.iter().flat_map(|_| names::<Log>());
        let snapshots = config.snapshots.iter();
        let snapshots = snapshots.flat_map(|_| names::<Snapshots>());
        let names = log.chain(snapshots).chain(names::<Election>());
        names.filter(|name| name.contains(only)).count()
    }

    /// The stores that are tried, and where.
    pub fn stores(&self) -> Vec<TriedStore> {
        self.places.iter().map(|places| places.tried()).collect()
    }

    /// The scratch places that were made and not removed.
    pub fn left(&self) -> Vec<String> {
        self.places
            .iter()
            .flat_map(|places| places.left())
            .collect()
    }

    /// Whether the election lets nodes in other processes lead.
    ///
    /// # Errors
    /// Those of its factory.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn others_lead(&self) -> Result<bool> {
        let Some(election) = &self.election else {
            return Ok(false);
        };
        let reach = election.places.first().await?.capabilities().reach;
        Ok(reach != Reach::Process)
    }

    /// What a node of `config`, which the suite was claimed with, looks at before it starts: that the log can keep what is
    /// configured, and that every store may be written.
    ///
    /// # Errors
    /// What such a node refuses to start with.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn check(&self, config: &Config) -> Result<()> {
        if let Some(ConfiguredLog { places, .. }) = &self.log {
            check_promises(config, &*places.first().await?)?;
        }
        for places in &self.places {
            places.probe().await?;
        }
        Ok(())
    }

    /// Runs the cases whose names contain `only`, one after the other, and tells each row as soon as it is known.
    ///
    /// # Errors
    /// `Cancelled` when the runtime is shut down.
    ///
    /// # Cancel safety
    /// The cases go on; [`Self::close`] ends them.
    pub async fn run(
        &self,
        plan: &Plan,
        only: &str,
        mut tell: impl FnMut(&Row) + Send + 'static,
    ) -> Result<Vec<Row>> {
        let (suite, plan, only) = (self.clone(), plan.clone(), only.to_owned());
        let ran = tokio::task::spawn_blocking(move || suite.run_here(&plan, &only, &mut tell));
        ran.await
            .map_err(|source| Error::new(ErrorKind::Cancelled, "run cases").source(source))
    }

    fn run_here(&self, plan: &Plan, only: &str, tell: &mut impl FnMut(&Row)) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(log) = self.log() {
            rows.extend(run::<Log>(&log, plan, only, &mut *tell));
        }
        if let Some(snapshots) = self.snapshots() {
            rows.extend(run::<Snapshots>(&snapshots, plan, only, &mut *tell));
        }
        if let Some(election) = self.election() {
            rows.extend(run::<Election>(&election, plan, only, &mut *tell));
        }
        rows
    }

    /// Lets no case open anything any more, and kills the processes: the cases that are left fail, soon.
    pub fn close(&self) {
        for places in &self.places {
            places.close();
        }
        if let Some(Err(error)) = self.processes.as_ref().map(Processes::close) {
            tracing::error!(%error, "a process goes on");
        }
    }

    /// Closes the suite, and removes the scratch places with all that is in them.
    ///
    /// # Errors
    /// The first that cannot be removed, with the names of all that stay; the others are removed. `Unavailable` when one was
    /// made again meanwhile, by a case that was given up.
    ///
    /// # Cancel safety
    /// What was not removed stays; call again.
    pub async fn clean(&self) -> Result<()> {
        self.close();
        let mut result = Ok(());
        for places in &self.places {
            result = result.and(places.remove_all().await);
        }
        let left = self.left().join(", ");
        result.map_err(|error| error.context(format!("remove what stays of {left}")))?;
        if left.is_empty() {
            return Ok(());
        }
        let told = format!("a case that took too long made {left} again: remove it");
        Err(Error::new(ErrorKind::Unavailable, "remove scratch places").context(told))
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("log", &self.log)
            .field("snapshots", &self.snapshots)
            .field("election", &self.election)
            .finish_non_exhaustive()
    }
}

/// The names of the cases of one kind.
fn names<K: Kind>() -> impl Iterator<Item = &'static str> {
    K::cases().into_iter().map(|case| case.name)
}

/// Whether scratch places may be called `name`.
///
/// # Errors
/// `Invalid` when the name has other characters than lower case letters, digits and `-`, or more than 40.
pub fn check_scratch_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 40 && name.chars().all(good) {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Invalid, "make scratch place").context(format!(
            "`{name}`: want 1 to 40 lower case letters, digits and `-`"
        )),
    )
}
