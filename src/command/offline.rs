use std::sync::Arc;

use standfast::config::Config;
use standfast::node::{Stores, open_stores};
use standfast_core::{Candidate, Clock, Fingerprint};
use standfast_metadata::MetadataService;
use standfast_standby::Sources;

use super::Failure;
use super::args::ConfigArguments;

/// The stores of a configuration, opened to be looked at without a node.
pub(crate) struct Offline {
    pub(crate) config: Config,
    pub(crate) stores: Stores,
    pub(crate) cluster: Fingerprint,
    pub(crate) clock: Clock,
}

impl Offline {
    pub(crate) async fn open(arguments: &ConfigArguments) -> Result<Self, Failure> {
        let registry = standfast_backends::builtin();
        let config = Config::load(&arguments.config, &registry)?;
        let clock = Clock::system();
        let stores = open_stores(&config, &registry, &clock).await?;
        let cluster = stores.fingerprint(&config).await?;
        Ok(Self {
            config,
            stores,
            cluster,
            clock,
        })
    }

    /// Refuses what changes one log where each node has its own.
    pub(crate) fn needs_one_log(&self, what: &str, instead: &str) -> Result<(), Failure> {
        if self.config.streams_from().is_none() {
            return Ok(());
        }
        Err(format!(
            "{what} changes this node's log alone, and with [replication] mode = \"stream\" every node has its own: {instead}"
        )
        .into())
    }

    /// What a state can be built from.
    pub(crate) fn sources(&self) -> Sources {
        let settings = self.config.metadata.clone();
        Sources {
            cluster: self.cluster,
            candidate: Candidate {
                node: self.config.node.id.clone(),
                endpoint: self.config.node.endpoint().to_owned(),
                http: self.config.node.http.clone(),
            },
            oplog: Arc::clone(&self.stores.oplog),
            snapshots: self.stores.snapshots.clone(),
            policy: self
                .config
                .snapshots
                .as_ref()
                .map(|(_, policy)| policy.clone())
                .unwrap_or_default(),
            election: Arc::clone(&self.stores.election),
            data_dir: self.config.data_dir(),
            clock: self.clock.clone(),
            service: Arc::new(move || Box::new(MetadataService::new(settings.clone()))),
        }
    }
}
