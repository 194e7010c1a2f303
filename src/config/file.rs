use std::path::{Path, PathBuf};

use standfast_core::{Clock, Error, ErrorKind, NodeId, OpenContext, Registry, Result};
use standfast_master::{Ack, InSyncRule, MasterConfig};
#[cfg(feature = "metadata")]
use standfast_metadata::MetadataConfig;
use standfast_snapshots::SnapshotPolicy;
use toml::Table;

use super::backend::BackendTable;
use super::overrides::Overrides;
use super::problems::{Place, Problem, Problems};
use super::reader::Reader;
use super::replication::{ReplicationMode, ReplicationSection};
use super::sections::{ClusterSection, DrillSection, NodeSection, RecoverySection};

/// The whole configuration of a node, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[cluster]`
    pub cluster: ClusterSection,
    /// `[node]`
    pub node: NodeSection,
    /// `[election]`: the backend's keys.
    pub election: BackendTable,
    /// `[oplog]`: the backend's keys; `None` in mode `snapshot`.
    pub oplog: Option<BackendTable>,
    /// `[oplog]`: Standfast's own keys.
    pub master: MasterConfig,
    /// `[snapshots]`: the backend's keys, and when to make them; `None` in mode `log`.
    pub snapshots: Option<(BackendTable, SnapshotPolicy)>,
    /// `[recovery]`
    pub recovery: RecoverySection,
    /// `[replication]`
    pub replication: ReplicationSection,
    /// `[drill]`
    pub drill: DrillSection,
    /// `[metadata]`
    #[cfg(feature = "metadata")]
    pub metadata: MetadataConfig,
    /// Where relative paths begin: the folder of the file.
    pub base_dir: PathBuf,
}

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
        Self::checked(&path.display().to_string(), &text, base_dir, registry)
    }

    /// Overrides from the environment, and checks the text of a configuration whose relative paths begin in
    /// `base_dir`.
    ///
    /// # Errors
    /// `Config` with every problem at once, each on a line of its own.
    pub fn from_text(text: &str, base_dir: PathBuf, registry: &Registry) -> Result<Self> {
        if !base_dir.is_absolute() {
            return Err(
                Error::new(ErrorKind::Config, "load configuration").context(format!(
                    "relative paths cannot begin in {}, which is relative itself: name an absolute folder",
                    base_dir.display()
                )),
            );
        }
        Self::checked("the configuration's text", text, base_dir, registry)
    }

    fn checked(name: &str, text: &str, base_dir: PathBuf, registry: &Registry) -> Result<Self> {
        // What is not unicode is no value of ours; it is reported as one if it claims to be.
        let environment = std::env::vars_os().map(|(name, value)| {
            let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
            (text(name), text(value))
        });
        Self::parse(text, base_dir, registry, environment).map_err(|problems| {
            let lines: Vec<_> = problems
                .iter()
                .map(|problem| format!("\n  {problem}"))
                .collect();
            Error::new(ErrorKind::Config, "load configuration")
                .context(format!("{name}:{}", lines.concat()))
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
                place: line.map_or(Place::Whole, Place::Line),
                message: error.message().to_owned(),
            }]
        })?;
        let overrides = Overrides::apply(&mut table, environment);
        Reader::new(table, Problems::new(text, overrides)).read(base_dir, registry)
    }

    /// What a backend is told when it is opened, to find what is there.
    pub fn open_context(&self, clock: &Clock) -> OpenContext {
        OpenContext {
            cluster: self.cluster.id.clone(),
            prefix: self.cluster.prefix.clone(),
            node: self.node.id.clone(),
            data_dir: self.data_dir(),
            base_dir: self.base_dir.clone(),
            clock: clock.clone(),
            make: false,
        }
    }

    /// The node that leads first, where each has a log of its own and is sent the primary's.
    pub fn streams_from(&self) -> Option<&NodeId> {
        let streams = self.replication.mode == ReplicationMode::Stream;
        self.replication.founder.as_ref().filter(|_| streams)
    }

    /// Whose logs count besides the primary's; none: nobody's.
    pub fn in_sync_rule(&self) -> Option<InSyncRule> {
        (self.master.ack == Ack::Replicated).then(|| self.replication.in_sync_rule())
    }

    /// `[node] data_dir`, absolute.
    pub fn data_dir(&self) -> PathBuf {
        self.base_dir.join(&self.node.data_dir)
    }
}
