use std::sync::Arc;

use standfast_backends::layers::{Layer, Metrics};
use standfast_core::{
    Clock, ElectionBackend, Error, ErrorKind, Fingerprint, OpLogStore, OpenContext, Registry,
    Result, SnapshotStore, Store,
};
use standfast_snapshots::EphemeralOpLog;

use crate::config::Config;

/// The section of the bucket.
const SNAPSHOTS: &str = "[snapshots]";

/// The stores that a configuration names, opened; their calls are timed and their errors counted.
#[derive(Clone, Debug)]
pub struct Stores {
    /// `[oplog]`; in mode `snapshot` one that keeps nothing.
    pub oplog: Arc<dyn OpLogStore>,
    /// `[snapshots]`
    pub snapshots: Option<Arc<dyn SnapshotStore>>,
    /// `[election]`
    pub election: Arc<dyn ElectionBackend>,
}

/// Opens the stores that a configuration names. Makes nothing: a path that is mistyped stays empty.
///
/// # Errors
/// The first that cannot be opened, with the section it belongs to.
pub async fn open_stores(config: &Config, registry: &Registry, clock: &Clock) -> Result<Stores> {
    let context = config.open_context(clock);
    let stores = open_in(config, registry, &context).await;
    stores.map_err(|error| or_never_initialised(config, error))
}

/// The same, and makes directories that are missing: for `cluster init`.
///
/// # Errors
/// The first that cannot be opened or made, with the section it belongs to.
pub async fn make_stores(config: &Config, registry: &Registry, clock: &Clock) -> Result<Stores> {
    let mut context = config.open_context(clock);
    context.make = true;
    open_in(config, registry, &context).await
}

/// Opens the election alone: enough to find the nodes, whatever became of the other stores.
///
/// # Errors
/// As [`open_stores`].
pub async fn open_election(
    config: &Config,
    registry: &Registry,
    clock: &Clock,
) -> Result<Arc<dyn ElectionBackend>> {
    let context = config.open_context(clock);
    let election = election_in(config, registry, &context).await;
    election.map_err(|error| or_never_initialised(config, error))
}

fn or_never_initialised(config: &Config, error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => error.context(format!(
            "cluster `{}` was never initialised in this place, or is somewhere else: check the path; if the cluster is \
             new, run `standfast cluster init --config F` once; if it was there before, restore it",
            config.cluster.id
        )),
        _ => error,
    }
}

async fn open_in(config: &Config, registry: &Registry, context: &OpenContext) -> Result<Stores> {
    let log = oplog_in(config, registry, context).await?;
    let election = election_in(config, registry, context).await?;
    let snapshots = match &config.snapshots {
        None => None,
        Some((backend, _policy)) => {
            let factory = registry.snapshots.get(&backend.kind)?;
            let store = factory.open(&backend.table, context).await;
            let store = store.map_err(|e| e.context(SNAPSHOTS))?;
            Some(Metrics::new("snapshots", store.name()).snapshots(store))
        }
    };
    let oplog = match (log, &snapshots) {
        (Some(log), _) => log,
        (None, Some(snapshots)) => Arc::new(EphemeralOpLog::new(Arc::clone(snapshots))),
        (None, None) => {
            return Err(Error::new(ErrorKind::Config, "open stores").context(
                "neither [oplog] nor [snapshots] is there: one of them has to keep the state",
            ));
        }
    };
    Ok(Stores {
        oplog,
        snapshots,
        election,
    })
}

async fn oplog_in(
    config: &Config,
    registry: &Registry,
    context: &OpenContext,
) -> Result<Option<Arc<dyn OpLogStore>>> {
    let Some(backend) = &config.oplog else {
        return Ok(None);
    };
    let factory = registry.oplogs.get(&backend.kind)?;
    let oplog = factory.open(&backend.table, context).await;
    let oplog = oplog.map_err(|e| e.context("[oplog]"))?;
    Ok(Some(Metrics::new("oplog", oplog.name()).oplog(oplog)))
}

async fn election_in(
    config: &Config,
    registry: &Registry,
    context: &OpenContext,
) -> Result<Arc<dyn ElectionBackend>> {
    let factory = registry.elections.get(&config.election.kind)?;
    let election = factory.open(&config.election.table, context).await;
    let election = election.map_err(|e| e.context("[election]"))?;
    Ok(Metrics::new("election", election.name()).election(election))
}

impl Stores {
    fn each(&self) -> Vec<(&'static str, &dyn Store)> {
        let mut all: Vec<(&'static str, &dyn Store)> = vec![("[election]", &*self.election)];
        if self.oplog.capabilities().outlives_term {
            all.insert(0, ("[oplog]", &*self.oplog));
        }
        if let Some(snapshots) = &self.snapshots {
            all.push((SNAPSHOTS, &**snapshots));
        }
        all
    }

    /// The fingerprint that all stores agree on.
    ///
    /// # Errors
    /// `NotFound` when the cluster was never initialised; `Foreign` when stores belong to different clusters.
    pub async fn fingerprint(&self, config: &Config) -> Result<Fingerprint> {
        let mut agreed: Option<(&str, Fingerprint)> = None;
        let mut missing = Vec::new();
        for (section, store) in self.each() {
            match (
                store.fingerprint().await.map_err(|e| e.context(section))?,
                agreed,
            ) {
                (None, _) => missing.push(section),
                (Some(found), None) => {
                    agreed = Some((section, check_name(config, section, found)?));
                }
                (Some(found), Some((other, first))) if found != first => {
                    return Err(Error::new(ErrorKind::Foreign, "open stores").context(format!(
                        "{other} belongs to cluster {first}, {section} to {found}: they were not made by the \
                         same `standfast cluster init`; point one of them elsewhere"
                    )));
                }
                _ => {}
            }
        }
        match (agreed, missing.as_slice()) {
            (Some((_, found)), []) => Ok(found),
            (Some((section, found)), missing) => {
                Err(Error::new(ErrorKind::NotFound, "open stores").context(format!(
                    "{} is empty while {section} holds cluster {found}: restore it, or, if it is new on \
                     purpose, run `standfast cluster init --config F` to add it to the cluster",
                    missing.join(" and ")
                )))
            }
            (None, _) => Err(Error::new(ErrorKind::NotFound, "open stores").context(format!(
                "cluster `{}` was never initialised in these stores: run `standfast cluster init --config F` \
                 once, or check that the configuration points at the right place",
                config.cluster.id
            ))),
        }
    }

    /// Makes all stores those of one cluster: of the fingerprint that some already hold, or of a fresh one.
    ///
    /// # Errors
    /// `Foreign` when they hold different ones.
    pub async fn init(&self, config: &Config) -> Result<(Fingerprint, bool)> {
        let mut found = None;
        let mut complete = true;
        for (section, store) in self.each() {
            match store.fingerprint().await.map_err(|e| e.context(section))? {
                Some(fingerprint) => {
                    check_name(config, section, fingerprint)?;
                    found = found.or(Some(fingerprint));
                }
                None => complete = false,
            }
        }
        if found.is_some() && complete {
            return self
                .fingerprint(config)
                .await
                .map(|fingerprint| (fingerprint, false));
        }
        let fingerprint =
            found.unwrap_or_else(|| Fingerprint::draw(&config.cluster.id, rand::random()));
        for (section, store) in self.each() {
            store
                .init(fingerprint)
                .await
                .map_err(|e| e.context(section))?;
        }
        Ok((fingerprint, true))
    }

    /// Makes sure that no store was ever made a cluster's.
    ///
    /// # Errors
    /// `AlreadyExists` naming those that were, and of which cluster.
    pub async fn check_empty(&self) -> Result<()> {
        let mut taken = Vec::new();
        for (section, store) in self.each() {
            let found = store.fingerprint().await.map_err(|e| e.context(section))?;
            taken.extend(found.map(|cluster| format!("{section} is of cluster {cluster}")));
        }
        if taken.is_empty() {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::AlreadyExists, "claim stores").context(format!(
                "{}: only stores that were never initialised are filled; name new ones in the configuration, or empty \
                 all three if nothing in them is wanted any more",
                taken.join(", ")
            )),
        )
    }

    /// Proves that every store is there, may be written, and holds what this program can read. A bucket that is full is
    /// read all the same: returns what it said, which proves nothing about its creates.
    ///
    /// # Errors
    /// The first that is not, with its section. Damage is no reason: a node that finds some stands still and can be
    /// asked about it.
    ///
    /// # Cancel safety
    /// Cancel safe: a probe may stay in a bucket, and is collected one day.
    pub async fn probe(&self) -> Result<Option<Error>> {
        let mut full = None;
        for (section, store) in self.each() {
            let probed = store.probe().await.map_err(|e| e.context(section));
            match probed {
                Err(error) if section == SNAPSHOTS && *error.kind() == ErrorKind::Quota => {
                    full = Some(error.context(
                        "the bucket is full: what is in it is read, and no snapshot is made, nor anything trimmed, \
                         until there is room",
                    ));
                }
                other => other?,
            }
        }
        let looked = [
            ("[oplog]", self.oplog.bounds().await.map(drop)),
            ("[election]", self.election.current().await.map(drop)),
        ];
        for (section, result) in looked {
            match result {
                Err(error) if is_fatal(error.kind()) => return Err(error.context(section)),
                Err(error) => tracing::debug!(%error, section, "looked at before the start"),
                Ok(()) => {}
            }
        }
        Ok(full)
    }
}

/// A store of a cluster with another name is not ours, whatever else agrees.
fn check_name(config: &Config, section: &str, found: Fingerprint) -> Result<Fingerprint> {
    let name = &config.cluster.id;
    if found.is_of(name) {
        return Ok(found);
    }
    Err(Error::new(ErrorKind::Foreign, "open stores").context(format!(
        "{section} belongs to a cluster of another name than `{name}` (fingerprint {found}): correct [cluster] id, or \
         point {section} elsewhere"
    )))
}

/// Whether no waiting, no other node and no repair of the data would help: another program or configuration is wanted.
const fn is_fatal(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Version | ErrorKind::Foreign | ErrorKind::Auth | ErrorKind::Config
    )
}
