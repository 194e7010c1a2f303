use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    Candidate, Clock, Error, ErrorKind, Member, Proposer, Registration, Registry, Result,
};
use standfast_standby::{HighWater, Sources, Watcher, watch_primary};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::builder::NodeBuilder;
use super::lock::DataDirLock;
use super::open::open_stores;
use super::role::RoleLoop;
use super::setup::Setup;
use super::shared::Shared;
use super::view::NodeView;
use super::{drills, http, log_limit, serve, snapshots, stream, switchover};
use crate::config::{Config, check_promises};

/// How often a node brings its entry among the members up to date.
const REGISTER_EVERY: Duration = Duration::from_millis(250);
/// How often it does so when there is nothing new: its entry may have been taken away.
const REGISTER_ANYWAY: Duration = Duration::from_secs(5);
/// How long answers on their way out are waited for when the node stops.
const GRACE: Duration = Duration::from_millis(200);

/// A node that is ready to run: its stores are open and its ports bound.
pub struct Node {
    shared: Arc<Shared>,
    setup: Setup,
    grpc: tokio::net::TcpListener,
    web: tokio::net::TcpListener,
    high_water: HighWater,
    registration: Box<dyn Registration>,
    _lock: DataDirLock,
}

impl Node {
    /// Begins a node: give it a configuration and a service, then open it.
    ///
    /// ```no_run
    /// # use standfast::{Application, Typed};
    /// # async fn run<Counters: Application>(counters: fn() -> Counters) -> standfast::Result<()> {
    /// standfast::Node::builder()
    ///     .config_file("node.toml")
    ///     .service(move || Typed::new(counters))
    ///     .run()
    ///     .await
    /// # }
    /// ```
    pub fn builder() -> NodeBuilder {
        NodeBuilder::new()
    }

    /// What [`NodeBuilder::open`] says.
    pub(super) async fn open(config: Config, registry: &Registry, setup: Setup) -> Result<Self> {
        let clock = Clock::system();
        let data_dir = config.data_dir();
        let lock = DataDirLock::take(&data_dir)?;
        let grpc = serve::bind("listen", &config.node.listen).await?;
        let web = serve::bind("http", &config.node.http).await?;
        let stores = open_stores(&config, registry, &clock).await?;
        check_promises(&config, &*stores.oplog)?;
        let cluster = stores.fingerprint(&config).await?;
        let full = stores.probe().await?;
        full.iter().for_each(tell_full);
        let candidate = Candidate {
            node: config.node.id.clone(),
            endpoint: config.node.endpoint().to_owned(),
            http: config.node.http.clone(),
        };
        let high_water = HighWater::open(&data_dir, cluster)?;
        let (stores, outlet) = stream::streamed(&config, stores, cluster, &clock).await;
        let sources = Sources {
            cluster,
            candidate,
            oplog: stores.oplog,
            policy: config
                .snapshots
                .as_ref()
                .map(|(_, policy)| policy.clone())
                .unwrap_or_default(),
            snapshots: stores.snapshots,
            election: stores.election,
            data_dir,
            clock,
            service: Arc::clone(&setup.service),
        };
        let shared = Arc::new(Shared::new(config, sources, outlet));
        let registration = shared.sources.election.register(&shared.member()).await?;
        Ok(Self {
            shared,
            setup,
            grpc,
            web,
            high_water,
            registration,
            _lock: lock,
        })
    }

    /// What a service may know of this node.
    pub fn view(&self) -> NodeView {
        NodeView(Arc::clone(&self.shared))
    }

    /// The door to the state, for callers in this process; see [`NodeView::proposer`].
    pub fn proposer(&self) -> Arc<dyn Proposer> {
        self.view().proposer()
    }

    /// Runs until `stop` is ready, then hands over if it leads and somebody can take over.
    ///
    /// # Errors
    /// When a port stops answering, or the heartbeats cannot begin.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping it is a crash, which the others survive.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let Self {
            shared,
            setup,
            grpc,
            web,
            high_water,
            registration,
            _lock,
        } = self;
        let (stopper, stopping) = watch::channel(false);
        let (last, ports_stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::grpc(
            Arc::clone(&shared),
            setup.api,
            grpc,
            ports_stopping.clone(),
        ));
        tasks.spawn(answer_http(
            http::router(Arc::clone(&shared), setup.metrics),
            web,
            ports_stopping,
        ));
        tasks.spawn(snapshots::keep(Arc::clone(&shared)));
        tasks.spawn(log_limit::keep(Arc::clone(&shared)));
        tasks.spawn(drills::keep(Arc::clone(&shared)));
        tasks.spawn(register(Arc::clone(&shared), registration));
        tasks.spawn(watch_primary(
            Watcher {
                node: shared.sources.candidate.node.clone(),
                fingerprint: shared.sources.cluster.bytes(),
                clock: shared.clock.clone(),
                role: shared.role.subscribe(),
            },
            Arc::clone(&shared.sources.election),
            shared.progress.subscribe(),
            shared.primary.clone(),
        ));
        let mut role = JoinSet::new();
        role.spawn(play(Arc::clone(&shared), high_water, stopping));
        // Neither arm is awaited again: the node stops after either.
        let outcome = tokio::select! {
            () = stop => Ok(()),
            ended = tasks.join_next() => Err(port_ended(ended)),
            // It ends only when it is told to, or by a panic.
            ended = role.join_next() => Err(port_ended(ended.map(|joined| joined.map(Ok)))),
        };
        shared.leaving.send_replace(true);
        if let Some(outlet) = &shared.outlet {
            outlet.stop();
        }
        let left = switchover::leave(&shared).await;
        stopper.send_replace(true);
        while role.join_next().await.is_some() {}
        last.send_replace(true);
        let answered = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, answered).await.is_err() {
            tracing::debug!("some streams were cut");
        }
        tasks.shutdown().await;
        outcome.and(left)
    }
}

/// Plays the role; a node that must not go on stands still until it is stopped, and says why.
pub(crate) async fn play(
    shared: Arc<Shared>,
    high_water: HighWater,
    mut stopping: watch::Receiver<bool>,
) {
    let role = RoleLoop::new(Arc::clone(&shared), high_water, stopping.clone());
    if let Err(error) = role.run().await {
        RoleLoop::fail(&shared, &error);
        drop(stopping.wait_for(|stop| *stop).await);
    }
}

/// The bucket has no room: the node starts with what is in it.
fn tell_full(error: &Error) {
    metrics::counter!(
        "standfast_snapshot_failures_total",
        "what" => "probe",
        "kind" => error.kind().name()
    )
    .increment(1);
    tracing::warn!(%error, "the node starts with what there is");
}

fn port_ended(ended: Option<Result<Result<()>, tokio::task::JoinError>>) -> Error {
    let error = Error::new(ErrorKind::Closed, "serve")
        .context("a part of the node ended that must not; the node stops");
    match ended {
        Some(Ok(Err(source))) => error.source(source),
        Some(Err(source)) => error.source(source),
        _ => error,
    }
}

async fn answer_http(
    router: axum::Router,
    listener: tokio::net::TcpListener,
    mut stopping: watch::Receiver<bool>,
) -> Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            drop(stopping.wait_for(|stop| *stop).await);
        })
        .await
        .map_err(|source| Error::new(ErrorKind::Unavailable, "serve HTTP").source(source))
}

/// Keeps the node's entry among the members up to date.
async fn register(shared: Arc<Shared>, registration: Box<dyn Registration>) -> Result<()> {
    let mut ticks = tokio::time::interval(REGISTER_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut role = shared.role.subscribe();
    let mut told: Option<(Member, Instant)> = None;
    loop {
        // Both arms are cancel safe. Who leads is said at once.
        tokio::select! {
            _ = ticks.tick() => {}
            _ = role.changed() => {}
        }
        let member = shared.member();
        let is_told =
            |(told, at): &(Member, Instant)| *told == member && at.elapsed() < REGISTER_ANYWAY;
        if !told.as_ref().is_some_and(is_told) {
            told = tell(&*registration, member).await;
        }
    }
}

/// What the entry says from now on; nothing when nobody knows.
async fn tell(registration: &dyn Registration, member: Member) -> Option<(Member, Instant)> {
    match registration.update(&member).await {
        Ok(()) => Some((member, Instant::now())),
        Err(error) => {
            metrics::counter!("standfast_register_failures_total").increment(1);
            tracing::debug!(%error, "cannot register");
            None
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
