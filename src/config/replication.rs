use serde::{Deserialize, Serialize};
use standfast_core::{NodeId, Span};
use standfast_master::{Ack, InSyncRule};

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

/// What happens to writes while fewer standbys are in sync than `min_acks` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTooFew {
    /// They wait.
    Block,
    /// They are acknowledged by those that are there, and that is told.
    Alarm,
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
    /// `[oplog] ack = "replicated"`: least number of standbys that have a write when it is acknowledged. Only there. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_acks: Option<usize>,
    /// `replicated`: what happens while fewer standbys than that are in sync: `block`, writes wait · `alarm`, they are
    /// acknowledged by the nodes that are there, and a metric, the status and the log of the process say so. Default `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_too_few: Option<OnTooFew>,
    /// `replicated`: how long a standby in sync that is connected may owe its answer before the others go on without it.
    /// Default `500ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_timeout: Option<Span>,
}

impl Default for ReplicationSection {
    fn default() -> Self {
        Self {
            mode: ReplicationMode::Log,
            founder: None,
            min_acks: None,
            on_too_few: None,
            member_timeout: None,
        }
    }
}

/// What is said of a combination: (section, key, problem).
type Problem = (&'static str, &'static str, String);

impl ReplicationSection {
    /// Whose logs count besides the primary's, with `ack = "replicated"`.
    pub fn in_sync_rule(&self) -> InSyncRule {
        InSyncRule {
            min_acks: self.min_acks.unwrap_or(1),
            blocks: self.on_too_few.unwrap_or(OnTooFew::Block) == OnTooFew::Block,
            member_timeout: self.member_timeout.unwrap_or(Span::millis(500)).0,
        }
    }

    /// What this says together with the rest.
    pub(super) fn problems(&self, failover: Failover, keeps_log: bool, ack: Ack) -> Vec<Problem> {
        let mut found = match self.mode {
            ReplicationMode::Log => self.problems_of_log(failover),
            ReplicationMode::Stream => self.problems_of_stream(failover, keeps_log, ack),
        };
        found.extend(self.problems_of_ack(ack));
        found
    }

    fn problems_of_log(&self, failover: Failover) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.founder.is_some() {
            found.push(problem(
                "replication",
                "founder",
                "[replication] founder with mode = \"log\", where any node may lead first: remove it, or set mode = \"stream\"",
            ));
        }
        if failover == Failover::Manual {
            found.push(problem(
                "node",
                "failover",
                "[node] failover = \"manual\" with [replication] mode = \"log\", where every node reads the same log and \
                 loses nothing by taking over: remove it",
            ));
        }
        found
    }

    fn problems_of_stream(&self, failover: Failover, keeps_log: bool, ack: Ack) -> Vec<Problem> {
        let mut found = Vec::new();
        if !keeps_log {
            found.push(problem(
                "replication",
                "mode",
                "[replication] mode = \"stream\" with [recovery] mode = \"snapshot\", which keeps no log to send: remove \
                 one of them",
            ));
        }
        if self.founder.is_none() {
            found.push(problem(
                "replication",
                "founder",
                "[replication] mode = \"stream\" needs founder, the id of the node that leads first, the same on all nodes",
            ));
        }
        match (failover, ack) {
            (Failover::Automatic, Ack::Durable | Ack::Async) => found.push(problem(
                "node",
                "failover",
                "[node] failover = \"automatic\", the default, with [replication] mode = \"stream\": what is acknowledged \
                 is on the primary's disk, and a standby may lack the last of it; set [oplog] ack = \"replicated\", then the \
                 standbys have it as well, or failover = \"manual\": then the primary leads again when it is back, or hands \
                 over with `standfast switchover`",
            )),
            (Failover::Manual, Ack::Replicated) => found.push(problem(
                "node",
                "failover",
                "[node] failover = \"manual\" with [oplog] ack = \"replicated\", where a standby in sync has all that was \
                 acknowledged and loses nothing by taking over: remove it",
            )),
            _ => {}
        }
        found
    }

    fn problems_of_ack(&self, ack: Ack) -> Vec<Problem> {
        let mut found = Vec::new();
        if ack == Ack::Replicated {
            if self.mode == ReplicationMode::Log {
                found.push(problem(
                    "oplog",
                    "ack",
                    "[oplog] ack = \"replicated\" with [replication] mode = \"log\", where there is one log for all nodes: set \
                     ack = \"durable\", which is as safe there as the log is, or mode = \"stream\"",
                ));
            }
            if self.min_acks == Some(0) {
                found.push(problem(
                    "replication",
                    "min_acks",
                    "[replication] min_acks = 0: want at least 1; with [oplog] ack = \"durable\" the primary's log is enough",
                ));
            }
            if self
                .member_timeout
                .is_some_and(|span| span.0.as_millis() < 50)
            {
                found.push(problem(
                    "replication",
                    "member_timeout",
                    "[replication] member_timeout is less than 50ms: a standby would be out of sync for every slow sync of its \
                     disk",
                ));
            }
            return found;
        }
        let set = [
            ("min_acks", self.min_acks.is_some()),
            ("on_too_few", self.on_too_few.is_some()),
            ("member_timeout", self.member_timeout.is_some()),
        ];
        for (key, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            let text = format!(
                "[replication] {key} with [oplog] ack = \"{}\", where no standby is waited for: remove it, or set ack = \
                 \"replicated\"",
                ack.name()
            );
            found.push(("replication", key, text));
        }
        found
    }
}

fn problem(section: &'static str, key: &'static str, text: &str) -> Problem {
    (section, key, text.to_owned())
}
