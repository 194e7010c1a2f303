use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use standfast::node::{ClusterStatus, NodeStatus};
use standfast::ports;
use standfast_core::Role;
use standfast_master::Ack;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::command::Failure;
use crate::command::status::ask;

/// How long the cluster may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The log of a node, unless it is turned to another.
const LOG: &str = "type = \"file\"\ndir = \"log\"\nsegment_size = \"8MiB\"";
/// Its election, unless it is turned to another.
const ELECTION: &str = "type = \"file\"\ndir = \"election\"";
/// Its bucket, unless it is turned to another.
const BUCKET: &str = "url = \"bucket\"";
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// A node of the demo: a process of its own.
#[derive(Debug)]
pub(crate) struct DemoNode {
    pub(crate) name: &'static str,
    pub(crate) config: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) endpoint: String,
    pub(crate) http: String,
    dir: PathBuf,
    child: Option<Child>,
}

impl DemoNode {
    /// Writes the configuration of a node that shares log, election and bucket with the others in `dir`.
    pub(crate) fn new(dir: &Path, name: &'static str, ack: Ack) -> Result<Self, Failure> {
        Self::configured(dir, name, ack, "3s", "")
    }

    /// The same, with the time between two snapshots, and whatever else is to be set, as text.
    pub(crate) fn configured(
        dir: &Path,
        name: &'static str,
        ack: Ack,
        every: &str,
        more: &str,
    ) -> Result<Self, Failure> {
        let ack = ack.name();
        let (grpc, http) = (ports::reserve()?, ports::reserve()?);
        let endpoint = format!("127.0.0.1:{grpc}");
        let http = format!("127.0.0.1:{http}");
        let config = dir.join(format!("{name}.toml"));
        let text = format!(
            "[cluster]\nid = \"demo\"\n\n[node]\nid = \"{name}\"\nlisten = \"{endpoint}\"\n\
             http = \"{http}\"\ndata_dir = \"data-{name}\"\n\n\
             [oplog]\n{LOG}\nack = \"{ack}\"\n\n\
             [election]\n{ELECTION}\nttl = \"2s\"\n\n\
             [snapshots]\ntype = \"bucket\"\n{BUCKET}\nevery = \"{every}\"\n{more}"
        );
        std::fs::write(&config, text)?;
        let data_dir = dir.join(format!("data-{name}"));
        Ok(Self {
            name,
            config,
            data_dir,
            endpoint,
            http,
            dir: dir.to_owned(),
            child: None,
        })
    }

    /// Gives the node another log, before it is started.
    pub(crate) fn turn_to_log(&self, table: &str) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.config)?;
        Ok(std::fs::write(&self.config, text.replace(LOG, table))?)
    }

    /// Gives the node a log of its own that it fills from the primary's, before it is started. `founder` leads first.
    pub(crate) fn turn_to_stream(&self, founder: &str) -> Result<(), Failure> {
        let own = LOG.replace("dir = \"log\"", &format!("dir = \"log-{}\"", self.name));
        self.turn_to_log(&own)?;
        let text = std::fs::read_to_string(&self.config)?;
        let text = format!("{text}\n[replication]\nmode = \"stream\"\nfounder = \"{founder}\"\n");
        Ok(std::fs::write(&self.config, text)?)
    }

    /// Gives the node another election, before it is started.
    pub(crate) fn turn_to_election(&self, table: &str) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.config)?;
        Ok(std::fs::write(&self.config, text.replace(ELECTION, table))?)
    }

    /// Gives the node another bucket, before it is started.
    pub(crate) fn turn_to_bucket(&self, table: &str) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.config)?;
        Ok(std::fs::write(&self.config, text.replace(BUCKET, table))?)
    }

    /// Runs a command of ours on this node's configuration.
    pub(crate) async fn command(&self, words: &[&str]) -> Result<std::process::Output, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null());
        Ok(command.output().await?)
    }

    /// Starts the process; its log goes to `{name}.log`. It stops when this process ends, in whatever way: its
    /// standard input ends then.
    pub(crate) fn start(&mut self) -> Result<u32, Failure> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join(format!("{}.log", self.name)))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--stop-with-stdin", "--config"])
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let pid = child.id().ok_or("the node ended at once")?;
        self.child = Some(child);
        Ok(pid)
    }

    /// SIGKILL, and waits until the process is gone. Returns when the signal was sent.
    pub(crate) async fn kill(&mut self) -> Result<Instant, Failure> {
        let mut child = self.child.take().ok_or("the node does not run")?;
        child.start_kill()?;
        let sent = Instant::now();
        child.wait().await?;
        Ok(sent)
    }

    /// Whether its process still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for DemoNode {
    /// Kills the process, and blocks until it is dead: it would write into a directory that is being removed.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        if let (Ok(()), Some(pid)) = (child.start_kill(), pid.and_then(Pid::from_raw)) {
            // Left for tokio to reap.
            let dead = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            if let Err(error) = waitid(WaitId::Pid(pid), dead) {
                tracing::debug!(%error, "cannot wait for a node");
            }
        }
    }
}

/// Looks at the cluster until it is as wanted.
pub(crate) async fn wait_until(
    nodes: &mut [DemoNode],
    what: &str,
    wanted: impl Fn(&ClusterStatus) -> bool,
) -> Result<ClusterStatus, Failure> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        for node in nodes.iter_mut().filter(|node| node.child.is_some()) {
            if !node.runs() {
                let log = node.dir.join(format!("{}.log", node.name));
                return Err(format!("node {} ended; see {}", node.name, log.display()).into());
            }
            if let Ok(status) = ask(&node.endpoint).await
                && wanted(&status)
            {
                return Ok(status);
            }
        }
        if Instant::now() >= give_up {
            return Err(format!("waited {PATIENCE:?} for {what}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The node that leads.
pub(crate) fn primary(status: &ClusterStatus) -> Option<&NodeStatus> {
    status.nodes.iter().find(|node| node.role == Role::Primary)
}

/// One leads, and all `count` nodes are there and not behind.
pub(crate) fn complete(status: &ClusterStatus, count: usize) -> bool {
    primary(status).is_some() && status.nodes.iter().filter(|node| node.in_sync).count() == count
}

/// Every node stands at the same Seq with the same digest.
pub(crate) fn same_state(status: &ClusterStatus) -> bool {
    let mut states = status
        .nodes
        .iter()
        .map(|node| (node.digest_seq, node.digest));
    let first = states.next();
    first.is_some_and(|first| first.1.is_some() && states.all(|state| state == first))
}
