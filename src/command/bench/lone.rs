use std::path::Path;

use standfast_master::Ack;
use tempfile::TempDir;

use super::MeasuredLog;
use crate::command::Failure;
use crate::command::demo::nodes::{DemoNode, primary, wait_until};

/// A node alone, a process of its own, which makes no snapshots while it is measured.
pub(super) struct LoneNode {
    /// Dropped, and with it its process, before the directory.
    pub(super) node: DemoNode,
    dir: TempDir,
}

impl LoneNode {
    /// Initialises its stores below `parent`, and waits until it leads.
    pub(super) async fn start(log: &MeasuredLog, parent: &Path, ack: Ack) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(parent)?;
        let mut node = DemoNode::configured(dir.path(), "a", ack, "24h", "")?;
        let (oplog, election) = log.tables(dir.path());
        if let Some(table) = &oplog {
            node.turn_to_log(table)?;
        }
        if let Some(table) = &election {
            node.turn_to_election(table)?;
        }
        let initialised = node.command(&["cluster", "init"]).await?;
        if !initialised.status.success() {
            let why = String::from_utf8_lossy(&initialised.stderr).into_owned();
            return Err(why.into());
        }
        node.start()?;
        let leads = |status: &_| primary(status).is_some();
        wait_until(std::slice::from_mut(&mut node), "it to lead", leads).await?;
        Ok(Self { node, dir })
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Stops the node; its log stays.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        if self.node.runs() {
            self.node.kill().await?;
        }
        Ok(())
    }

    /// Stops the node, and removes what it had elsewhere.
    pub(super) async fn remove(mut self, log: &MeasuredLog) -> Result<(), Failure> {
        self.kill().await?;
        if log.tables(self.dir()).1.is_some() {
            log.remove(self.dir()).await?;
        }
        Ok(())
    }
}
