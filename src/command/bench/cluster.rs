use std::path::Path;

use standfast_master::Ack;
use tempfile::TempDir;

use super::MeasuredLog;
use crate::command::Failure;
use crate::command::demo::nodes::{DemoNode, complete, primary, wait_until};

/// Two nodes, each a process of its own, over one log and one election in a temporary directory.
pub(super) struct BenchCluster {
    /// Dropped, and with them their processes, before the directory.
    nodes: [DemoNode; 2],
    dir: TempDir,
}

impl BenchCluster {
    /// Initialises the stores, and waits until one node leads and the other follows.
    pub(super) async fn start(ack: Ack) -> Result<Self, Failure> {
        Self::start_on(&MeasuredLog::file(), ack).await
    }

    /// The same over a log of this kind.
    pub(super) async fn start_on(log: &MeasuredLog, ack: Ack) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let nodes = [
            DemoNode::new(dir.path(), "a", ack)?,
            DemoNode::new(dir.path(), "b", ack)?,
        ];
        Self::turned(log, nodes, dir).await
    }

    /// The same below `parent`, without snapshots while it is measured.
    pub(super) async fn quiet_on(
        parent: &Path,
        log: &MeasuredLog,
        ack: Ack,
    ) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(parent)?;
        let nodes = [
            DemoNode::configured(dir.path(), "a", ack, "24h", "")?,
            DemoNode::configured(dir.path(), "b", ack, "24h", "")?,
        ];
        Self::turned(log, nodes, dir).await
    }

    /// The same over files.
    pub(super) async fn quiet(parent: &Path, ack: Ack) -> Result<Self, Failure> {
        Self::quiet_on(parent, &MeasuredLog::file(), ack).await
    }

    /// Two nodes with a log each, the standby in sync, below `parent`, without snapshots while it is measured.
    pub(super) async fn replicated(parent: &Path) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(parent)?;
        let nodes = [
            DemoNode::configured(dir.path(), "a", Ack::Replicated, "24h", "")?,
            DemoNode::configured(dir.path(), "b", Ack::Replicated, "24h", "")?,
        ];
        for node in &nodes {
            node.turn_to_stream("a")?;
        }
        Self::started(nodes, dir).await
    }

    async fn turned(
        log: &MeasuredLog,
        nodes: [DemoNode; 2],
        dir: TempDir,
    ) -> Result<Self, Failure> {
        let (oplog, election) = log.tables(dir.path());
        for node in &nodes {
            if let Some(table) = &oplog {
                node.turn_to_log(table)?;
            }
            if let Some(table) = &election {
                node.turn_to_election(table)?;
            }
        }
        Self::started(nodes, dir).await
    }

    async fn started(nodes: [DemoNode; 2], dir: TempDir) -> Result<Self, Failure> {
        let mut cluster = Self { nodes, dir };
        for node in &cluster.nodes {
            // With one log for all it is done by the first, and the second says so.
            let initialised = node.command(&["cluster", "init"]).await?;
            if !initialised.status.success() {
                let why = String::from_utf8_lossy(&initialised.stderr).into_owned();
                return Err(why.into());
            }
        }
        for node in &mut cluster.nodes {
            node.start()?;
        }
        cluster.complete().await?;
        Ok(cluster)
    }

    /// Stops the nodes, and removes what they had elsewhere.
    pub(super) async fn remove(mut self, log: &MeasuredLog) -> Result<(), Failure> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        if log.tables(self.dir.path()).1.is_some() {
            log.remove(self.dir.path()).await?;
        }
        Ok(())
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn endpoints(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| node.endpoint.clone())
            .collect()
    }

    /// Waits until both are there, and neither is behind.
    pub(super) async fn complete(&mut self) -> Result<(), Failure> {
        wait_until(&mut self.nodes, "both nodes", |status| complete(status, 2)).await?;
        Ok(())
    }

    /// The node that leads, and the other.
    pub(super) async fn roles(&mut self) -> Result<(&mut DemoNode, &mut DemoNode), Failure> {
        let leads = |status: &_| primary(status).is_some();
        let status = wait_until(&mut self.nodes, "a primary", leads).await?;
        let leader = primary(&status).map(|node| node.id.to_string());
        let [a, b] = &mut self.nodes;
        if leader.as_deref() == Some(a.name) {
            Ok((a, b))
        } else {
            Ok((b, a))
        }
    }
}
