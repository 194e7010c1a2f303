use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::dir::ElectionDir;
use crate::file::briefly::briefly;
use crate::file::cluster::decode;
use crate::file::error::{error, io_error};
use crate::file::exclusive;
use crate::off_thread::off_thread;
use standfast_core::{ErrorKind, Member, NodeId, Registration, Result};

const FORMAT: &str = "standfast-node";
const VERSION: u32 = 1;
/// Somebody who asks whether a node lives holds its lock for a moment.
const TRIES: u32 = 20;

/// What a node says of itself: `{dir}/nodes/{id}.json`, JSON, version 1, replaced by its own node only. As long as that
/// node lives it holds a `flock` on `nodes/{id}.lock`.
#[derive(Debug, Serialize, Deserialize)]
struct NodeFile {
    format: String,
    version: u32,
    pid: u32,
    boot: String,
    member: Member,
}

/// A node's entry. Dropping it removes the entry, the death of the process leaves one without a lock.
#[derive(Debug)]
pub(super) struct FileRegistration {
    entry: Entry,
    _lock: File,
}

/// Where a node's entry is.
#[derive(Clone, Debug)]
struct Entry {
    dir: Arc<ElectionDir>,
    node: NodeId,
}

impl FileRegistration {
    pub(super) async fn begin(dir: Arc<ElectionDir>, member: &Member) -> Result<Self> {
        dir.cluster("register")?;
        let node = member.candidate.node.clone();
        let path = dir.layout().at("nodes").join(format!("{node}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| io_error("register", &path, source))?;
        let mut tries = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => tries += 1,
                Err(TryLockError::WouldBlock) => return Err(taken(&dir, &node)),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    break;
                }
                Err(TryLockError::Error(source)) => {
                    return Err(io_error("register", &path, source));
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let registration = Self {
            entry: Entry { dir, node },
            _lock: file,
        };
        registration.update(member).await?;
        Ok(registration)
    }
}

impl Entry {
    fn write(&self, member: &Member) -> Result<()> {
        let file = NodeFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            pid: std::process::id(),
            boot: self.dir.boot().to_owned(),
            member: member.clone(),
        };
        let nodes = self.dir.layout().at("nodes");
        let bytes = serde_json::to_vec(&file)
            .map_err(|source| error(ErrorKind::Invalid, "register").source(source))?;
        let name = format!("{}.json", self.node);
        exclusive::replace(&self.dir.layout().tmp(), &nodes, &name, &bytes)
            .map_err(|source| io_error("register", &nodes, source))
    }
}

#[async_trait]
impl Registration for FileRegistration {
    async fn update(&self, member: &Member) -> Result<()> {
        if member.candidate.node != self.entry.node {
            return Err(error(ErrorKind::Invalid, "update member").context(format!(
                "the entry is of node `{}`, not `{}`",
                self.entry.node, member.candidate.node
            )));
        }
        let (entry, member) = (self.entry.clone(), member.clone());
        off_thread("update member", move || entry.write(&member)).await
    }
}

impl Drop for FileRegistration {
    fn drop(&mut self) {
        let Entry { dir, node } = self.entry.clone();
        briefly("unregister", move || {
            let name = format!("{node}.json");
            if let Err(error) = fs::remove_file(dir.layout().at("nodes").join(&name)) {
                tracing::debug!(%error, name, "left a member's entry behind");
            }
        });
    }
}

fn taken(dir: &ElectionDir, node: &NodeId) -> standfast_core::Error {
    let path = dir.layout().at("nodes").join(format!("{node}.json"));
    let pid = read(&path).map_or_else(|_| "unknown".to_owned(), |file| file.pid.to_string());
    error(ErrorKind::AlreadyExists, "register").context(format!(
        "node `{node}` is registered by the living process {pid}: stop it, or give this node another `[node] id`"
    ))
}

fn read(path: &Path) -> Result<NodeFile> {
    let bytes = fs::read(path).map_err(|source| io_error("read member", path, source))?;
    decode(&bytes, FORMAT, VERSION).map_err(|error| error.context(path.display().to_string()))
}

/// The nodes whose process lives, or is not proved dead.
pub(super) fn members(dir: &ElectionDir) -> Result<Vec<Member>> {
    let nodes = dir.layout().at("nodes");
    let entries =
        fs::read_dir(&nodes).map_err(|source| io_error("list members", &nodes, source))?;
    let mut members = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|source| io_error("list members", &nodes, source))?
            .path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file = match read(&path) {
            // It left while we listed.
            Err(error) if *error.kind() == ErrorKind::NotFound => continue,
            result => result?,
        };
        let is_freed = match dir.is_freed(&path.with_extension("lock"), &file.boot) {
            // Neither name is synced: a power cut may leave the entry alone.
            Err(error) if *error.kind() == ErrorKind::NotFound => true,
            result => result?,
        };
        if !is_freed {
            members.push(file.member);
        }
    }
    members.sort_by(|a, b| a.candidate.node.cmp(&b.candidate.node));
    Ok(members)
}
