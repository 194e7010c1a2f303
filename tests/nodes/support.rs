//! Two or more nodes over one log, one election and one bucket in a directory, and a load against them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use standfast::node::ClusterStatus;
use standfast::ports;
use standfast::replay::{
    BlockKey, Checked, Load, Meter, Played, Record, ReplayOptions, TraceGenerator, check, run,
};
use standfast_core::Role;
use standfast_core::{ByteSize, Clock, Error};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::node::{TestNode, standfast};
use crate::seeds;

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct TestCluster {
    pub(crate) nodes: Vec<TestNode>,
    pub(crate) dir: tempfile::TempDir,
}

impl TestCluster {
    /// Writes configurations, initialises the cluster, and starts all nodes.
    pub(crate) async fn start(names: &[&str]) -> Self {
        Self::start_with(names, "1h").await
    }

    /// The same, with snapshots as often as this.
    pub(crate) async fn start_with(names: &[&str], snapshots_every: &str) -> Self {
        let mut cluster = Self::prepare(names, snapshots_every);
        cluster.launch().await;
        cluster
    }

    /// Initialises the cluster of configurations that were prepared, and starts all nodes.
    pub(crate) async fn launch(&mut self) {
        self.initialise().await;
        for node in &mut self.nodes {
            node.start();
        }
        let count = self.nodes.len();
        self.until("all in sync", |status| in_sync(status) == count)
            .await;
    }

    pub(crate) async fn initialise(&self) {
        let made = self.nodes[0].command(&["cluster", "init"]).await;
        assert!(made.status.success(), "{made:?}");
    }

    /// Writes configurations.
    pub(crate) fn prepare(names: &[&str], snapshots_every: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nodes = names.iter().map(|name| {
            let endpoint = format!("127.0.0.1:{}", ports::reserve().unwrap());
            let http = format!("127.0.0.1:{}", ports::reserve().unwrap());
            let config = dir.path().join(format!("{name}.toml"));
            let text = format!(
                "[cluster]\nid = \"test\"\n[node]\nid = \"{name}\"\nlisten = \"{endpoint}\"\n\
                 http = \"{http}\"\ndata_dir = \"data-{name}\"\n\
                 [oplog]\ntype = \"file\"\ndir = \"log\"\nsegment_size = \"4MiB\"\n\
                 [election]\ntype = \"file\"\ndir = \"election\"\nttl = \"2s\"\n\
                 [snapshots]\ntype = \"bucket\"\nurl = \"bucket\"\nevery = \"{snapshots_every}\"\n"
            );
            std::fs::write(&config, text).unwrap();
            TestNode {
                name: (*name).to_owned(),
                config,
                data_dir: dir.path().join(format!("data-{name}")),
                endpoint,
                http,
                log: dir.path().join(format!("{name}.log")),
                child: None,
            }
        });
        Self {
            nodes: nodes.collect(),
            dir,
        }
    }

    /// Gives nodes that were prepared a log in a RocksDB.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn turn_to_rocksdb(&self) {
        for node in &self.nodes {
            let text = std::fs::read_to_string(&node.config).unwrap();
            let file = "type = \"file\"\ndir = \"log\"\nsegment_size = \"4MiB\"";
            let turned = text.replace(file, "type = \"rocksdb\"\ndir = \"log\"");
            assert_ne!(turned, text);
            std::fs::write(&node.config, turned).unwrap();
        }
    }

    /// Gives nodes that were prepared a log and an election with these settings, and leases of `ttl`.
    #[cfg(feature = "etcd")]
    pub(crate) fn turn_to_etcd(&self, settings: &str, ttl: &str) {
        for node in &self.nodes {
            turn_to_etcd(node, settings, ttl);
        }
    }

    /// Gives nodes that were prepared a bucket with these settings.
    #[cfg(feature = "s3")]
    pub(crate) fn turn_to_bucket(&self, settings: &str) {
        for node in &self.nodes {
            let text = std::fs::read_to_string(&node.config).unwrap();
            let turned = text.replace("url = \"bucket\"", settings);
            assert_ne!(turned, text);
            std::fs::write(&node.config, turned).unwrap();
        }
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| node.endpoint.clone())
            .collect()
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut TestNode {
        self.nodes
            .iter_mut()
            .find(|node| node.name == name)
            .unwrap()
    }

    /// Looks at the cluster, through any node that answers, until it is as wanted.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&ClusterStatus) -> bool,
    ) -> ClusterStatus {
        let give_up = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < give_up {
            for node in self.nodes.iter().filter(|node| node.child.is_some()) {
                let mut asked = standfast();
                asked.args(["status", "-o", "json", "--endpoint", &node.endpoint]);
                let Ok(Ok(output)) =
                    tokio::time::timeout(Duration::from_secs(5), asked.output()).await
                else {
                    continue;
                };
                if let Ok(status) = serde_json::from_slice::<ClusterStatus>(&output.stdout) {
                    if wanted(&status) {
                        return status;
                    }
                    last = Some(status);
                }
            }
        }
        let logs: Vec<_> = self.nodes.iter().map(TestNode::log_text).collect();
        panic!(
            "waited {PATIENCE:?} for {what}; last {last:#?}\n{}",
            logs.join("\n---\n")
        );
    }

    /// Waits until a node has said something.
    pub(crate) async fn until_log(&self, node: &str, what: &str) {
        let node = self.nodes.iter().find(|n| n.name == node).unwrap();
        let give_up = Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !node.log_text().contains(what) {
            assert!(Instant::now() < give_up, "{what}: {}", node.log_text());
            ticks.tick().await;
        }
    }

    /// The name of the node that leads.
    pub(crate) async fn leader(&self) -> String {
        let status = self
            .until("a leader", |status| status.leader.is_some())
            .await;
        status.leader.unwrap().to_string()
    }

    /// The epoch of the node that leads.
    pub(crate) async fn epoch(&self) -> u64 {
        let status = self
            .until("a leader", |status| status.leader.is_some())
            .await;
        status.epoch.0
    }

    /// Starts a load of 8 clients, and waits until it has acknowledgements.
    pub(crate) async fn load(&self, seed: u64) -> RunningLoad {
        let path = self.dir.path().join(format!("acknowledged-{seed}"));
        let (stop, stopped) = watch::channel(false);
        let meter = Arc::new(Meter::new(Clock::system()));
        let load = Load {
            trace: TraceGenerator::new(seeds::first().wrapping_add(seed))
                .take(100_000)
                .collect::<Vec<_>>()
                .into(),
            options: ReplayOptions {
                clients: 8,
                segments: 8,
                segment_size: ByteSize::mib(1 << 20),
                ..ReplayOptions::new(self.endpoints())
            },
            record: Arc::new(Record::create(&path, Clock::system()).unwrap()),
            meter: Arc::clone(&meter),
            stop: stopped,
        };
        let mut task = JoinSet::new();
        task.spawn(run(load));
        let running = RunningLoad {
            stop,
            task,
            record: path,
            meter,
        };
        running.acknowledged_more(1000).await;
        running
    }

    /// Nothing that the load was told is missing, all nodes hold the same, and so does the log.
    pub(crate) async fn lost_nothing(&self, load: RunningLoad) {
        let checked = load.verdict(self).await;
        assert_eq!(checked.missing, []);
        let nodes = self.nodes.len();
        self.until("the same state", |status| same_state(status, nodes))
            .await;
        self.verify_log().await;
    }

    pub(crate) async fn verify_log(&self) -> Value {
        let output = self.nodes[0]
            .command(&["oplog", "verify", "-o", "json"])
            .await;
        let found: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        assert!(output.status.success(), "{found:#}");
        found
    }
}

/// The same for one of them.
#[cfg(feature = "etcd")]
pub(crate) fn turn_to_etcd(node: &TestNode, settings: &str, ttl: &str) {
    let text = std::fs::read_to_string(&node.config).unwrap();
    let log = "type = \"file\"\ndir = \"log\"\nsegment_size = \"4MiB\"";
    let election = "type = \"file\"\ndir = \"election\"\nttl = \"2s\"";
    let turned = text.replace(log, settings);
    let turned = turned.replace(election, &format!("{settings}\nttl = \"{ttl}\""));
    assert!(!turned.contains("type = \"file\""), "{turned}");
    std::fs::write(&node.config, turned).unwrap();
}

pub(crate) fn in_sync(status: &ClusterStatus) -> usize {
    let leads = status.nodes.iter().any(|node| node.role == Role::Primary);
    if leads {
        status.nodes.iter().filter(|node| node.in_sync).count()
    } else {
        0
    }
}

/// Every node stands at the same Seq with the same digest.
pub(crate) fn same_state(status: &ClusterStatus, count: usize) -> bool {
    let mut states = status
        .nodes
        .iter()
        .map(|node| (node.digest_seq, node.digest));
    let Some(first) = states.next() else {
        return false;
    };
    in_sync(status) == count && first.1.is_some() && states.all(|state| state == first)
}

pub(crate) struct RunningLoad {
    stop: watch::Sender<bool>,
    task: JoinSet<Result<Played, Error>>,
    record: PathBuf,
    pub(crate) meter: Arc<Meter>,
}

impl RunningLoad {
    /// Waits until so many more writes were acknowledged.
    pub(crate) async fn acknowledged_more(&self, count: u64) {
        let wanted = self.meter.progress().acknowledged + count;
        let give_up = Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        while self.meter.progress().acknowledged < wanted {
            assert!(Instant::now() < give_up, "{:?}", self.meter.progress());
            ticks.tick().await;
        }
    }

    /// Ends the load and looks for everything that was acknowledged.
    pub(crate) async fn verdict(mut self, cluster: &TestCluster) -> Checked {
        self.stop.send_replace(true);
        let played = self.task.join_next().await.unwrap().unwrap().unwrap();
        let removed: HashSet<BlockKey> = HashSet::new();
        let checked = check(&self.record, &cluster.endpoints(), &removed)
            .await
            .unwrap();
        assert!(checked.acknowledged > 1000, "{checked:?}");
        assert_eq!(checked.evicted, 0);
        drop(played);
        checked
    }
}
