use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use standfast_backends::builtin;
use standfast_core::{
    Clock, ElectionBackend, Error, ErrorKind, Factory, Fingerprint, OpLogStore, Proposer, Registry,
    Result, Service, SnapshotStore,
};
use tonic::service::Routes;

use super::open::make_stores;
use super::run::Node;
use super::setup::{Api, MakeService, MetricsText, Setup};
use super::view::NodeView;
use crate::config::Config;
use crate::stop::Stop;

/// Puts a [`Node`] together: a configuration and a service are needed, the rest is optional.
///
/// The order of the calls does not matter: nothing is read or opened before [`open`](Self::open),
/// [`run_until`](Self::run_until) or [`init`](Self::init).
#[must_use = "a builder does nothing until it is opened"]
pub struct NodeBuilder {
    config: Option<Source>,
    registry: Registry,
    service: Option<MakeService>,
    api: Api,
    metrics: Option<MetricsText>,
}

/// Where the configuration comes from.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Text { text: String, base_dir: PathBuf },
    Value(Box<Config>),
}

impl NodeBuilder {
    pub(super) fn new() -> Self {
        Self {
            config: None,
            registry: builtin(),
            service: None,
            api: Api::default(),
            metrics: None,
        }
    }

    /// The configuration is the TOML file at `path`. Variables like `STANDFAST__ELECTION__TTL` override it, and its
    /// relative paths begin in its folder.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config = Some(Source::File(path.into()));
        self
    }

    /// The configuration is this TOML text. Variables override it as they do a file; its relative paths begin in
    /// `base_dir`, which must be absolute.
    pub fn config_text(mut self, text: impl Into<String>, base_dir: impl Into<PathBuf>) -> Self {
        self.config = Some(Source::Text {
            text: text.into(),
            base_dir: base_dir.into(),
        });
        self
    }

    /// The configuration was read and checked already.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(Source::Value(Box::new(config)));
        self
    }

    /// What the node keeps alive. `make` gives an empty one, each time the node bootstraps; a service of plain
    /// functions is [`Typed`](standfast_core::Typed).
    pub fn service<S: Service + 'static>(
        mut self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.service = Some(Arc::new(move || Box::new(make())));
        self
    }

    /// Puts an API on the node's gRPC port, beside the node's own. Not needed by a service that answers elsewhere, or
    /// only in this process: [`Node::proposer`] is the door.
    pub fn routes(
        mut self,
        make: impl FnOnce(Arc<dyn Proposer>, NodeView) -> Routes + Send + Sync + 'static,
    ) -> Self {
        self.api.routes = Some(Box::new(make));
        self
    }

    /// Adds the encoded descriptors of an API to gRPC reflection.
    pub fn descriptors(mut self, encoded: &'static [u8]) -> Self {
        self.api.descriptors.push(encoded);
        self
    }

    /// What `/metrics` answers, in Prometheus' text format. The node counts with the `metrics` crate: install a
    /// recorder, and render it here. Without this there is no `/metrics`.
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Arc::new(render));
        self
    }

    /// Makes `[oplog] type = "name"` mean a log of your own.
    pub fn register_oplog(
        mut self,
        name: impl Into<String>,
        factory: impl Factory<dyn OpLogStore> + 'static,
    ) -> Self {
        self.registry.oplogs.register(name, factory);
        self
    }

    /// Makes `[snapshots] type = "name"` mean a snapshot store of your own.
    pub fn register_snapshots(
        mut self,
        name: impl Into<String>,
        factory: impl Factory<dyn SnapshotStore> + 'static,
    ) -> Self {
        self.registry.snapshots.register(name, factory);
        self
    }

    /// Makes `[election] type = "name"` mean an election of your own.
    pub fn register_election(
        mut self,
        name: impl Into<String>,
        factory: impl Factory<dyn ElectionBackend> + 'static,
    ) -> Self {
        self.registry.elections.register(name, factory);
        self
    }

    /// Gives the stores the identity of a cluster, once in its life, as `standfast cluster init` does. Returns the
    /// identity, and whether it is new.
    ///
    /// # Errors
    /// As [`open`](Self::open) for the configuration and the stores; `Foreign` when they belong to different clusters.
    ///
    /// # Cancel safety
    /// Cancel safe: do it again, and the stores that are left get the same identity.
    pub async fn init(&self) -> Result<(Fingerprint, bool)> {
        let config = self.load()?;
        let stores = make_stores(&config, &self.registry, &Clock::system()).await?;
        stores.init(&config).await
    }

    /// Takes the `data_dir`, binds the ports, opens the stores and checks that they can keep what the configuration
    /// promises.
    ///
    /// # Errors
    /// `Config` when the configuration or the service is missing, or with every problem of the configuration;
    /// `NotFound` when the stores were never initialised; else whatever stands in the way, with the way out.
    ///
    /// # Cancel safety
    /// Cancel safe: an empty directory may stay.
    pub async fn open(self) -> Result<Node> {
        let config = self.load()?;
        let service = self.service.ok_or_else(|| {
            Error::new(ErrorKind::Config, "open node")
                .context("there is no service: call `service` before `open`")
        })?;
        let setup = Setup {
            service,
            api: self.api,
            metrics: self.metrics,
        };
        Node::open(config, &self.registry, setup).await
    }

    /// Opens the node and runs it until the process is told to stop, by SIGTERM, SIGINT as of Ctrl-C or SIGHUP; it hands over
    /// first, if it leads and somebody can take over.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until), and when this process cannot listen for signals.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping it is a crash, which the others survive.
    pub async fn run(self) -> Result<()> {
        let mut stop = Stop::listen().map_err(|source| {
            Error::new(ErrorKind::Unavailable, "run node")
                .context("cannot listen for signals")
                .source(source)
        })?;
        self.run_until(async move { stop.told().await }).await
    }

    /// Opens the node and runs it until `stop` is ready. To reach the state from this process, [`open`](Self::open) it
    /// and take its [`proposer`](Node::proposer) before [`Node::run_until`].
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`Node::run_until`].
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping it is a crash, which the others survive.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        self.open().await?.run_until(stop).await
    }

    fn load(&self) -> Result<Config> {
        match &self.config {
            Some(Source::File(path)) => Config::load(path, &self.registry),
            Some(Source::Text { text, base_dir }) => {
                Config::from_text(text, base_dir.clone(), &self.registry)
            }
            Some(Source::Value(config)) => Ok((**config).clone()),
            None => Err(Error::new(ErrorKind::Config, "open node").context(
                "there is no configuration: call `config_file`, `config_text` or `config` first",
            )),
        }
    }
}

impl fmt::Debug for NodeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder")
            .field("config", &self.config)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}
