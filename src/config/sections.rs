use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use standfast_core::{ClusterId, NodeId};

/// `[cluster]`: which cluster this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSection {
    /// Name of the cluster. Required.
    pub id: ClusterId,
    /// Where its keys begin in shared stores. Default `/standfast`.
    #[serde(default = "default_prefix")]
    pub prefix: String,
}

fn default_prefix() -> String {
    "/standfast".to_owned()
}

/// `[node]`: which node this is, and where it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSection {
    /// Name of the node, unique in the cluster. Required.
    pub id: NodeId,
    /// Where gRPC listens. Default `127.0.0.1:7400`.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// What others are told to connect to. Default: `listen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// Where HTTP (metrics, health, status) listens. Default `127.0.0.1:7480`.
    #[serde(default = "default_http")]
    pub http: String,
    /// The node's own directory. Required; no other node may have it.
    pub data_dir: PathBuf,
}

fn default_listen() -> String {
    "127.0.0.1:7400".to_owned()
}

fn default_http() -> String {
    "127.0.0.1:7480".to_owned()
}

impl NodeSection {
    /// What others are told to connect to.
    pub fn endpoint(&self) -> &str {
        self.advertise.as_deref().unwrap_or(&self.listen)
    }
}

/// From what a node recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// From the log alone; it is never trimmed.
    Log,
    /// From the newest snapshot and the log after it.
    Hybrid,
}

/// `[recovery]`: from what a node recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecoverySection {
    /// `hybrid` (default) or `log`.
    pub mode: Mode,
}

impl Default for RecoverySection {
    fn default() -> Self {
        Self { mode: Mode::Hybrid }
    }
}
