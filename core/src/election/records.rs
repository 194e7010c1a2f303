use serde::{Deserialize, Serialize};

use crate::words::{Digest, Epoch, NodeId, Position, Seq};

/// Who stands for election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Where its gRPC port will answer, `host:port`.
    pub endpoint: String,
    /// Where its HTTP port will answer, `host:port`.
    pub http: String,
}

/// Who leads, as the election store has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderRecord {
    /// The node and where it answers.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Its term.
    pub epoch: Epoch,
    /// Whether it has announced that it serves. Before that nobody should ask it.
    pub serving: bool,
}

/// What a node does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Opens stores, restores a snapshot, replays.
    Bootstrap,
    /// Follows the log.
    Standby,
    /// Is becoming primary.
    Promoting,
    /// Leads and serves.
    Primary,
    /// Met what it must not pass over, and waits for an operator.
    Failed,
}

/// A node as it registered itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The node and where it answers.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// What it does.
    pub role: Role,
    /// Highest epoch it has seen.
    pub epoch: Epoch,
    /// Last entry it has applied.
    pub applied: Seq,
    /// Digest of its state there, when it stands at a batch end.
    pub digest: Option<Digest>,
    /// Version of the program.
    pub version: String,
}

/// A member's seat: which disk it is. Drawn when the directory of a log is created, so that an empty disk has
/// no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub u128);

/// What outlives the lease of a leader: compared and swapped under the epoch, never deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermRecord {
    /// The term it belongs to.
    pub epoch: Epoch,
    /// The in-sync set, the leader included; empty where the log is shared.
    pub in_sync: Vec<(NodeId, LogId)>,
    /// A Position known committed, possibly not the newest.
    pub committed: Position,
}
