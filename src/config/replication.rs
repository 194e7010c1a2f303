use serde::{Deserialize, Serialize};
use standfast_core::NodeId;

use super::sections::Failover;

/// How standbys come by the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicationMode {
    /// From its store, which all nodes reach.
    Log,
    /// From the primary: each node has a log of its own.
    Stream,
}

/// `[replication]`: how standbys come by the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicationSection {
    /// How standbys come by the log: `log`, from its store, which all nodes reach · `stream`, from the primary: each node has
    /// an `[oplog]` of its own, of a type that one node can fill from another's. Default `log`.
    pub mode: ReplicationMode,
    /// The node that leads first, with an empty log; the same name on all nodes. Required in mode `stream`, and only there.
    /// Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub founder: Option<NodeId>,
}

impl Default for ReplicationSection {
    fn default() -> Self {
        Self {
            mode: ReplicationMode::Log,
            founder: None,
        }
    }
}

/// What the two say together: (section, key, problem).
pub(super) fn problems(
    replication: &ReplicationSection,
    failover: Failover,
    keeps_log: bool,
) -> Vec<(&'static str, &'static str, String)> {
    let mut found = Vec::new();
    let mut add = |section, key, text: &str| found.push((section, key, text.to_owned()));
    match replication.mode {
        ReplicationMode::Log => {
            if replication.founder.is_some() {
                add(
                    "replication",
                    "founder",
                    "[replication] founder with mode = \"log\", where any node may lead first: remove it, or set mode = \"stream\"",
                );
            }
            if failover == Failover::Manual {
                add(
                    "node",
                    "failover",
                    "[node] failover = \"manual\" with [replication] mode = \"log\", where every node reads the same log and \
                     loses nothing by taking over: remove it",
                );
            }
        }
        ReplicationMode::Stream => {
            if !keeps_log {
                add(
                    "replication",
                    "mode",
                    "[replication] mode = \"stream\" with [recovery] mode = \"snapshot\", which keeps no log to send: remove \
                     one of them",
                );
            }
            if replication.founder.is_none() {
                add(
                    "replication",
                    "founder",
                    "[replication] mode = \"stream\" needs founder, the id of the node that leads first, the same on all nodes",
                );
            }
            if failover == Failover::Automatic {
                add(
                    "node",
                    "failover",
                    "[node] failover = \"automatic\", the default, with [replication] mode = \"stream\": what is acknowledged \
                     is on the primary's disk, and a standby may lack the last of it; set failover = \"manual\": then the \
                     primary leads again when it is back, or hands over with `standfast switchover`",
                );
            }
        }
    }
    found
}
