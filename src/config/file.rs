use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use standfast_core::{
    Clock, Durability, Error, ErrorKind, Factories, OpLogStore, OpenContext, Registry, Result,
};
use standfast_master::{Ack, MasterConfig};
use standfast_metadata::MetadataConfig;
use standfast_snapshots::SnapshotPolicy;
use toml::{Table, Value};

use super::backend::{self, BackendTable};
use super::overrides;
use super::problems::{Problem, Problems};
use super::sections::{ClusterSection, Mode, NodeSection, RecoverySection};

/// The whole configuration of a node, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[cluster]`
    pub cluster: ClusterSection,
    /// `[node]`
    pub node: NodeSection,
    /// `[election]`: the backend's keys.
    pub election: BackendTable,
    /// `[oplog]`: the backend's keys.
    pub oplog: BackendTable,
    /// `[oplog]`: Standfast's own keys.
    pub master: MasterConfig,
    /// `[snapshots]`: the backend's keys, and when to make them; `None` in mode `log`.
    pub snapshots: Option<(BackendTable, SnapshotPolicy)>,
    /// `[recovery]`
    pub recovery: RecoverySection,
    /// `[metadata]`
    pub metadata: MetadataConfig,
    /// Where relative paths begin: the folder of the file.
    pub base_dir: PathBuf,
}

const SECTIONS: [&str; 7] = [
    "cluster",
    "node",
    "election",
    "oplog",
    "snapshots",
    "recovery",
    "metadata",
];

impl Config {
    /// Reads, overrides from the environment, and checks the file at `path`.
    ///
    /// # Errors
    /// `Config` with every problem at once, each on a line of its own.
    pub fn load(path: &Path, registry: &Registry) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| {
            Error::new(ErrorKind::Config, "load configuration")
                .context(format!("cannot read {}", path.display()))
                .source(source)
        })?;
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let base_dir = std::path::absolute(folder.unwrap_or_else(|| Path::new(".")))
            .map_err(|source| Error::new(ErrorKind::Config, "load configuration").source(source))?;
        Self::parse(&text, base_dir, registry, std::env::vars()).map_err(|problems| {
            let lines: Vec<_> = problems
                .iter()
                .map(|problem| format!("\n  {problem}"))
                .collect();
            Error::new(ErrorKind::Config, "load configuration").context(format!(
                "{}:{}",
                path.display(),
                lines.concat()
            ))
        })
    }

    /// Checks the text of a configuration.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn parse(
        text: &str,
        base_dir: PathBuf,
        registry: &Registry,
        environment: impl Iterator<Item = (String, String)>,
    ) -> std::result::Result<Self, Vec<Problem>> {
        let mut table: Table = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                1 + text
                    .bytes()
                    .take(span.start)
                    .filter(|byte| *byte == b'\n')
                    .count()
            });
            vec![Problem {
                line,
                message: error.message().to_owned(),
            }]
        })?;
        overrides::apply(&mut table, environment);
        let mut reader = Reader {
            table,
            problems: Problems::new(text),
        };
        let config = reader.config(base_dir, registry);
        match config {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(reader.problems.into_inner()),
        }
    }

    /// What a backend is told when it is opened.
    pub fn open_context(&self, clock: &Clock) -> OpenContext {
        OpenContext {
            cluster: self.cluster.id.clone(),
            prefix: self.cluster.prefix.clone(),
            node: self.node.id.clone(),
            data_dir: self.data_dir(),
            base_dir: self.base_dir.clone(),
            clock: clock.clone(),
        }
    }

    /// `[node] data_dir`, absolute.
    pub fn data_dir(&self) -> PathBuf {
        self.base_dir.join(&self.node.data_dir)
    }
}

struct Reader<'a> {
    table: Table,
    problems: Problems<'a>,
}

impl Reader<'_> {
    fn config(&mut self, base_dir: PathBuf, registry: &Registry) -> Option<Config> {
        let unknown: Vec<_> = self
            .table
            .keys()
            .filter(|key| !SECTIONS.contains(&key.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            self.problems.unknown_key("", &key, &SECTIONS);
        }
        let cluster = self.required("cluster", &["id", "prefix"]);
        let node = self.required("node", &["id", "listen", "advertise", "http", "data_dir"]);
        let recovery: Option<RecoverySection> = self.with_defaults("recovery");
        let metadata = self.metadata();
        let election = self.backend("election", &[]);
        let election = self.checked("election", election, &registry.elections);
        let oplog = self.oplog(registry);
        let snapshots = if self.wants_snapshots(recovery) {
            self.snapshots(registry).map(Some)
        } else {
            Some(None)
        };
        let (oplog, master) = oplog?;
        Some(Config {
            cluster: cluster?,
            node: node?,
            election: election?.0,
            oplog,
            master,
            snapshots: snapshots?,
            recovery: recovery?,
            metadata: metadata?,
            base_dir,
        })
    }

    fn metadata(&mut self) -> Option<MetadataConfig> {
        let metadata: MetadataConfig = self.with_defaults("metadata")?;
        for problem in metadata.validate() {
            self.problems
                .add("metadata", "", format!("[metadata] {problem}"));
        }
        Some(metadata)
    }

    fn oplog(&mut self, registry: &Registry) -> Option<(BackendTable, MasterConfig)> {
        let keys = backend::keys_of(&MasterConfig::default());
        let found = self.backend("oplog", &keys);
        let (table, own) = self.checked("oplog", found, &registry.oplogs)?;
        let master: MasterConfig = self.typed("oplog", own, &keys)?;
        for problem in master.problems() {
            self.problems.add("oplog", "", format!("[oplog] {problem}"));
        }
        Some((table, master))
    }

    /// Whether the mode has snapshots.
    fn wants_snapshots(&mut self, recovery: Option<RecoverySection>) -> bool {
        let hybrid = recovery.unwrap_or_default().mode == Mode::Hybrid;
        if !hybrid && self.table.contains_key("snapshots") {
            self.problems.add(
                "snapshots",
                "",
                "[snapshots] with [recovery] mode = \"log\", which never reads them: remove the section, \
                 or set mode = \"hybrid\"",
            );
        }
        hybrid
    }

    fn snapshots(&mut self, registry: &Registry) -> Option<(BackendTable, SnapshotPolicy)> {
        let keys = backend::keys_of(&SnapshotPolicy::default());
        let found = self.backend("snapshots", &keys);
        let (table, own) = self.checked("snapshots", found, &registry.snapshots)?;
        let policy: SnapshotPolicy = self.typed("snapshots", own, &keys)?;
        for problem in policy.problems() {
            self.problems
                .add("snapshots", "", format!("[snapshots] {problem}"));
        }
        Some((table, policy))
    }

    fn section(&mut self, name: &str) -> Option<Table> {
        match self.table.remove(name) {
            Some(Value::Table(table)) => Some(table),
            Some(_) => {
                self.problems.add(
                    "",
                    name,
                    format!("`{name}` is not a section: write [{name}]"),
                );
                None
            }
            None => Some(Table::new()),
        }
    }

    fn required<T: DeserializeOwned>(&mut self, name: &str, keys: &[&str]) -> Option<T> {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        let table = self.section(name)?;
        self.typed(name, table, &keys)
    }

    fn with_defaults<T: DeserializeOwned + Serialize + Default>(
        &mut self,
        name: &str,
    ) -> Option<T> {
        let table = self.section(name)?;
        self.typed(name, table, &backend::keys_of(&T::default()))
    }

    /// Unknown keys first, each with its line; then the types.
    fn typed<T: DeserializeOwned>(
        &mut self,
        name: &str,
        table: Table,
        keys: &[String],
    ) -> Option<T> {
        let known: Vec<_> = keys.iter().map(String::as_str).collect();
        let unknown: Vec<_> = table
            .keys()
            .filter(|key| !known.iter().any(|name| name == key))
            .cloned()
            .collect();
        for key in &unknown {
            self.problems.unknown_key(name, key, &known);
        }
        let mut rest = table;
        rest.retain(|key, _| !unknown.iter().any(|name| name == key));
        let suspects: Vec<_> = rest.keys().cloned().collect();
        match rest.clone().try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                let message = error.message().trim().to_owned();
                let key = suspects
                    .iter()
                    .find(|key| Self::is_culprit::<T>(&rest, key));
                let at = key.cloned().unwrap_or_default();
                let what = match rest.get(&at) {
                    Some(value) => format!("[{name}] {at} = {value}: {message}"),
                    None => format!("[{name}]: {message}"),
                };
                self.problems.add(name, &at, what);
                None
            }
        }
    }

    /// Whether the section is read, or fails otherwise, without this key.
    fn is_culprit<T: DeserializeOwned>(table: &Table, key: &str) -> bool {
        let mut without = table.clone();
        without.remove(key);
        let with = table
            .clone()
            .try_into::<T>()
            .err()
            .map(|error| error.message().to_owned());
        let without = without
            .try_into::<T>()
            .err()
            .map(|error| error.message().to_owned());
        with.is_some() && with != without
    }

    fn backend(&mut self, name: &str, own: &[String]) -> Option<(BackendTable, Table)> {
        let Some(table) = self.section(name).filter(|table| !table.is_empty()) else {
            self.problems.add(
                name,
                "",
                format!("[{name}] is missing: it needs at least `type = \"..\"`"),
            );
            return None;
        };
        match backend::split(table, own) {
            Ok(split) => Some(split),
            Err(message) => {
                self.problems
                    .add(name, "type", format!("[{name}] {message}"));
                None
            }
        }
    }

    fn checked<S: ?Sized + 'static>(
        &mut self,
        name: &str,
        found: Option<(BackendTable, Table)>,
        factories: &Factories<S>,
    ) -> Option<(BackendTable, Table)> {
        let (backend, own) = found?;
        let Ok(factory) = factories.get(&backend.kind) else {
            let known: Vec<_> = factories.types().collect();
            self.problems.unknown_type(name, &backend.kind, &known);
            return Some((backend, own));
        };
        let keys = factory.keys();
        let unknown: Vec<_> = backend
            .table
            .keys()
            .filter(|key| !keys.iter().any(|name| name == key))
            .cloned()
            .collect();
        for key in &unknown {
            self.problems.unknown_key(name, key, keys);
        }
        let mut known = backend.table.clone();
        known.retain(|key, _| !unknown.iter().any(|name| name == key));
        for problem in factory.check(&known) {
            self.problems.add(name, "", format!("[{name}] {problem}"));
        }
        Some((backend, own))
    }
}

/// Refuses a combination that cannot keep its promises (R9).
///
/// # Errors
/// `Config` with what to change.
pub(crate) fn check_promises(config: &Config, oplog: &dyn OpLogStore) -> Result<()> {
    let declared = oplog.capabilities();
    if config.master.ack == Ack::Durable && declared.durability == Durability::Process {
        return Err(Error::new(ErrorKind::Config, "check promises").context(format!(
            "[oplog] type = \"{}\" keeps nothing when its process ends, so ack = \"durable\" cannot hold: \
             choose another type, or ack = \"async\"",
            config.oplog.kind
        )));
    }
    if config.master.batch_max_bytes.as_usize() > declared.max_batch_bytes {
        return Err(
            Error::new(ErrorKind::Config, "check promises").context(format!(
                "[oplog] batch_max_bytes = {} is more than type = \"{}\" takes ({} bytes)",
                config.master.batch_max_bytes, config.oplog.kind, declared.max_batch_bytes
            )),
        );
    }
    Ok(())
}
