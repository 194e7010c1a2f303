use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use standfast_core::{ClusterId, NodeId, Span};

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

/// `[cluster] prefix` of a cluster that says none.
pub(crate) fn default_prefix() -> String {
    "/standfast".to_owned()
}

/// Who takes over when the primary is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Failover {
    /// A standby, by itself.
    Automatic,
    /// Nobody, until an operator hands over or the node is back.
    Manual,
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
    /// The node's own directory: no other node may have it. Required.
    pub data_dir: PathBuf,
    /// Who takes over when the primary is gone: `automatic`, a standby · `manual`, nobody: the primary leads again when it is
    /// back, or hands over. `manual` is for `[replication] mode = "stream"` without `[oplog] ack = "replicated"`, and needed
    /// there. Default `automatic`.
    #[serde(default = "default_failover")]
    pub failover: Failover,
}

const fn default_failover() -> Failover {
    Failover::Automatic
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

    /// Every problem of the values, each with the value and the way out.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut addresses = vec![("listen", &self.listen), ("http", &self.http)];
        addresses.extend(self.advertise.iter().map(|address| ("advertise", address)));
        for (key, address) in addresses {
            let port = address
                .rsplit_once(':')
                .map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(1..))) {
                found.push(format!(
                    "{key} = \"{address}\": want a host and a port of 1 to 65535, as in \"127.0.0.1:7400\""
                ));
            }
        }
        if self.listen == self.http {
            found.push(format!(
                "http = \"{}\" is also what listen says: one port cannot answer both",
                self.http
            ));
        }
        let any_host = ["0.0.0.0:", "[::]:"];
        if any_host
            .iter()
            .any(|host| self.endpoint().starts_with(host))
        {
            found.push(format!(
                "advertise = \"{}\" (listen, if it is not set) is nothing that others can connect to: set \
                 advertise to this host's name and port",
                self.endpoint()
            ));
        }
        found
    }
}

/// From what a node recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// From the log alone; it is never trimmed.
    Log,
    /// From the newest snapshot alone: there is no log, and what was acknowledged since is lost.
    Snapshot,
    /// From the newest snapshot and the log after it.
    Hybrid,
}

/// `[recovery]`: from what a node recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecoverySection {
    /// What a node starts from: `log`, all of it · `snapshot`, the newest one alone: `[oplog]` has no `type` then, and `ack` must
    /// be `async` · `hybrid`, the newest snapshot and the log after it. Default `hybrid`.
    pub mode: Mode,
}

impl Default for RecoverySection {
    fn default() -> Self {
        Self { mode: Mode::Hybrid }
    }
}

/// `[drill]`: whether standbys try out what a recovery would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrillSection {
    /// How often a standby restores and replays what is stored into a scratch state, the first time when it has caught up. It
    /// takes the memory of a second state meanwhile, and `[snapshots] memory`. `0s` is never. Default `0s`.
    pub every: Span,
    /// A standby is ready, as `/health/ready` tells, only when a drill has gone well within this time, at least twice `every`.
    /// `0s` asks for none. Default `0s`.
    pub ready_within: Span,
}

impl Default for DrillSection {
    fn default() -> Self {
        Self {
            every: Span(Duration::ZERO),
            ready_within: Span(Duration::ZERO),
        }
    }
}

impl DrillSection {
    /// Every problem of the values, each with the value and the way out.
    pub fn problems(&self) -> Vec<String> {
        let (every, within) = (self.every, self.ready_within);
        if within.0.is_zero() {
            return Vec::new();
        }
        if every.0.is_zero() {
            return vec![
                "ready_within without every: no drill is made, so no standby would ever be ready; set every".to_owned(),
            ];
        }
        if within.0 < every.0 * 2 {
            return vec![format!(
                "ready_within = \"{within}\" with every = \"{every}\": want at least twice that, for a drill takes time and \
                 one may fail"
            )];
        }
        Vec::new()
    }
}
