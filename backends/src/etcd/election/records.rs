//! The records of the election: JSON, each with its kind and version.

use serde::{Deserialize, Serialize};

use crate::etcd::process::ProcessId;
use crate::record::Record;
use crate::term_fields::TermFields;
use standfast_core::{Candidate, Epoch, Fingerprint, LeaderRecord, Member, NodeId};

/// Who leads. The key is under the leader's lease, and only the leader changes it.
///
/// ```text
///   {"cluster": "<32 hex digits>", "node": "a", "endpoint": "host:port", "http": "host:port", "epoch": 7, "serving": true,
///    "claim": "<32 hex digits>", "nonce": "<32 hex digits>", "lease": 4711, "process": {..}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leader {
    /// Whom it leads: `leader_key` may be one that others have, too.
    pub(super) cluster: Fingerprint,
    #[serde(flatten)]
    pub(super) candidate: Candidate,
    pub(super) epoch: Epoch,
    pub(super) serving: bool,
    /// Drawn when the seat was won, and the same until it is given up.
    pub(super) claim: String,
    /// Drawn for each epoch.
    pub(super) nonce: String,
    pub(super) lease: i64,
    pub(super) process: Option<ProcessId>,
}

impl Leader {
    pub(super) fn record(&self) -> LeaderRecord {
        LeaderRecord {
            candidate: self.candidate.clone(),
            epoch: self.epoch,
            serving: self.serving,
        }
    }

    /// Whether its process is another one of this host, whose death can be seen.
    pub(super) fn is_beside(&self) -> bool {
        self.process.as_ref().is_some_and(ProcessId::is_beside)
    }

    /// Whether its process is proved dead.
    pub(super) fn is_dead(&self) -> bool {
        self.process.as_ref().is_some_and(ProcessId::is_dead)
    }
}

/// What outlives every leader (EL-8).
///
/// ```text
///   {"granted": 7, "announced": 6, "successor": "b", "leader_key": ".."}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Epochs {
    /// Highest epoch ever granted.
    pub(super) granted: Epoch,
    /// Highest epoch ever announced.
    pub(super) announced: Epoch,
    /// Whom the last leader wished to follow it.
    pub(super) successor: Option<NodeId>,
    /// Under which key the last leader was, when it was not the usual one: nodes that look for it under another must not
    /// lead beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) leader_key: Option<String>,
}

/// A node, under a lease of its own.
///
/// ```text
///   {"member": {..}, "claim": "<32 hex digits>", "process": {..}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) member: Member,
    /// Drawn by each registration.
    pub(super) claim: String,
    pub(super) process: Option<ProcessId>,
}

impl Record for Leader {
    const FORMAT: &'static str = "standfast-etcd-leader";
}

impl Record for Epochs {
    const FORMAT: &'static str = "standfast-etcd-epochs";
}

impl Record for Node {
    const FORMAT: &'static str = "standfast-etcd-node";
}

impl Record for TermFields {
    const FORMAT: &'static str = "standfast-etcd-term";
}

/// A word that nobody else has.
pub(super) fn draw() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{candidate, cluster, node};
    use crate::record::is_golden;
    use standfast_core::{Role, Seq};

    #[test]
    fn the_golden_records_are_read_and_written_to_the_byte() {
        let leader = Leader {
            cluster: cluster(),
            candidate: candidate("a"),
            epoch: Epoch(7),
            serving: true,
            claim: format!("{:032x}", 1),
            nonce: format!("{:032x}", 2),
            lease: 4711,
            process: None,
        };
        is_golden("etcd-leader", &leader);
        let epochs = Epochs {
            granted: Epoch(7),
            announced: Epoch(6),
            successor: Some(node("b")),
            leader_key: None,
        };
        is_golden("etcd-epochs", &epochs);
        let elsewhere = Epochs {
            leader_key: Some("mooncake-store/kv/master_view".into()),
            ..epochs
        };
        is_golden("etcd-epochs-elsewhere", &elsewhere);
        let member = Member {
            candidate: candidate("a"),
            role: Role::Standby,
            epoch: Epoch(7),
            applied: Seq(3),
            digest: None,
            version: "0.1.0".into(),
        };
        let node = Node {
            member,
            claim: format!("{:032x}", 1),
            process: None,
        };
        is_golden("etcd-node", &node);
    }
}
