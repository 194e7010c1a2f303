use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use standfast_core::{BootInstant, ClusterId, Digest, Epoch, Member, NodeId, Role, Seq};
use standfast_standby::Progress;
use standfast_wire::v1::GetStatusRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use tonic::transport::Endpoint;

use super::drills::Drills;
use super::replication_status::StandbyStatus;
use super::shared::Shared;

/// Without a log, a standby that has not read the catalog for so long, or for five looks, does not know how far it is behind.
const CATALOG_AGE: Duration = Duration::from_secs(5);
/// Looks at the catalog that may fail.
const LOOKS: u64 = 5;
/// A standby that is further behind, or has not heard from its primary for so long, is not in sync.
const MAX_LAG: Duration = Duration::from_secs(1);
/// How long another node may take to tell its status.
const PATIENCE: Duration = Duration::from_millis(500);
/// What is told of a node that did not.
const NO_ANSWER: &str = "no answer";

/// One node, as it sees itself. Part of the stable JSON of `standfast status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Name.
    pub id: NodeId,
    /// gRPC, `host:port`.
    pub endpoint: String,
    /// HTTP, `host:port`.
    pub http: String,
    /// What it does; `failed` when it does not answer.
    pub role: Role,
    /// Highest epoch it has seen.
    pub epoch: Epoch,
    /// Last entry it has in memory.
    pub tail_seq: Seq,
    /// Last entry applied.
    pub applied_seq: Seq,
    /// Last entry it knows committed.
    pub committed_seq: Seq,
    /// Entries behind the primary.
    pub lag_entries: u64,
    /// Age of the oldest heartbeat that named an entry which is not applied here, in milliseconds; 0 when there is none.
    pub lag_ms: f64,
    /// Digest of its state at `digest_seq`.
    pub digest: Option<Digest>,
    /// The batch end that `digest` is of.
    pub digest_seq: Seq,
    /// Newest snapshot it knows.
    pub snapshot_seq: Seq,
    /// Newest snapshot that was read back and matched.
    pub verified_seq: Seq,
    /// In mode `snapshot`, of the primary: acknowledged entries that the newest snapshot does not hold. A crash loses them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uncovered_entries: Option<u64>,
    /// In mode `snapshot`: age of the newest snapshot by wall clocks, in milliseconds; none while there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub snapshot_age_ms: Option<u64>,
    /// Leads under a lease that lasts, or follows without being behind.
    pub in_sync: bool,
    /// Why it stands still, when it does; `no answer` when it is registered and does not answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// Why it refuses writes though it leads, when it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_only: Option<String>,
    /// Of the primary, or the node that is about to be, with `ack = "replicated"`: the nodes whose logs hold all that was
    /// acknowledged, itself among them. Any of them can take over.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub in_sync_set: Vec<NodeId>,
    /// Of the same: why writes wait for standbys, or are acknowledged by fewer than `min_acks`, when it is so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub too_few_in_sync: Option<String>,
    /// Of the same, where each node has a log of its own: the standbys that are sent the primary's.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub standbys: Vec<StandbyStatus>,
    /// What its drills came to, where `[drill] every` asks for them and one was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub drill: Option<DrillStatus>,
}

/// What the drills of a node came to: recoveries from the stores alone, into a scratch state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillStatus {
    /// Up to this entry the state that the last good one recovered was proved to be the primary's; none: none went well yet.
    pub last_proven_seq: Option<Seq>,
    /// When that was, by the node's wall clock, in milliseconds since 1970.
    pub last_proven_time_ms: Option<u64>,
    /// What it took.
    pub measured_rto_seconds: Option<f64>,
    /// Why the last one did not go well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

impl DrillStatus {
    fn of(drills: &Drills) -> Option<Self> {
        let (proved, problem) = (drills.proved, drills.problem.clone());
        (proved.is_some() || problem.is_some()).then(|| Self {
            last_proven_seq: proved.map(|proved| proved.seq),
            last_proven_time_ms: proved.map(|proved| proved.at_ms),
            measured_rto_seconds: proved.map(|proved| proved.took.as_secs_f64()),
            problem,
        })
    }
}

impl NodeStatus {
    /// Whether the node told this itself. Of one that did not, only what it registered is known.
    pub fn answered(&self) -> bool {
        self.failure.as_deref() != Some(NO_ANSWER)
    }

    /// A node that is registered and does not answer. What it registered last may be long over: it is not said to lead.
    fn silent(member: &Member) -> Self {
        Self {
            id: member.candidate.node.clone(),
            endpoint: member.candidate.endpoint.clone(),
            http: member.candidate.http.clone(),
            role: Role::Failed,
            epoch: member.epoch,
            tail_seq: member.applied,
            applied_seq: member.applied,
            committed_seq: member.applied,
            lag_entries: 0,
            lag_ms: 0.0,
            digest: None,
            digest_seq: Seq::ZERO,
            snapshot_seq: Seq::ZERO,
            verified_seq: Seq::ZERO,
            uncovered_entries: None,
            snapshot_age_ms: None,
            in_sync: false,
            failure: Some(NO_ANSWER.to_owned()),
            read_only: None,
            in_sync_set: Vec::new(),
            too_few_in_sync: None,
            standbys: Vec::new(),
            drill: None,
        }
    }
}

/// The cluster, as one node could find it out. The stable JSON of `standfast status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Name.
    pub cluster: ClusterId,
    /// Who leads and serves; `None` when nobody does.
    pub leader: Option<NodeId>,
    /// Its term; the highest epoch seen when nobody leads.
    pub epoch: Epoch,
    /// Every registered node.
    pub nodes: Vec<NodeStatus>,
}

impl Shared {
    /// This node, as it sees itself.
    pub(crate) fn node_status(&self) -> NodeStatus {
        let candidate = &self.sources.candidate;
        let role = *self.role.borrow();
        let progress = *self.progress.borrow();
        let catalogued = *self.snapshots.borrow();
        let mut status = NodeStatus {
            id: candidate.node.clone(),
            endpoint: candidate.endpoint.clone(),
            http: candidate.http.clone(),
            role,
            epoch: progress.epoch,
            tail_seq: progress.position.seq,
            applied_seq: progress.position.seq,
            committed_seq: progress.position.seq,
            lag_entries: 0,
            lag_ms: 0.0,
            digest: None,
            digest_seq: Seq::ZERO,
            snapshot_seq: catalogued.newest.seq,
            verified_seq: catalogued.verified.seq,
            uncovered_entries: None,
            snapshot_age_ms: None,
            in_sync: false,
            failure: self.failure.lock().clone(),
            read_only: None,
            in_sync_set: Vec::new(),
            too_few_in_sync: None,
            standbys: Vec::new(),
            drill: DrillStatus::of(&self.drills.lock()),
        };
        match self.term() {
            Some(term) => {
                let term_progress = term.progress();
                status.epoch = term.token().epoch;
                status.tail_seq = term_progress.applied;
                status.applied_seq = term_progress.applied;
                status.committed_seq = term_progress.committed.seq;
                status.in_sync = self.leads();
                status.read_only = term.read_only();
            }
            None => self.add_lag(&mut status, &progress),
        }
        if !self.sources.log_outlives_term() {
            let leads = self.term().is_some();
            status.uncovered_entries =
                leads.then(|| status.applied_seq.since(catalogued.newest.seq));
            status.snapshot_age_ms = catalogued.age_ms();
        }
        if let Some(outlet) = &self.outlet {
            status.add_replication(outlet);
        }
        self.add_digest(&mut status);
        status
    }

    /// Committed entries that this node has not applied; `None` while it hears nobody who could tell.
    pub(crate) fn lag_entries(&self) -> Option<u64> {
        let seen = self.primary.borrow().seen;
        let known = self.term().is_some() || self.is_recent(seen);
        known.then(|| self.node_status().lag_entries)
    }

    /// Whether a primary that was heard then still tells how far the log is.
    fn is_recent(&self, seen: BootInstant) -> bool {
        seen != BootInstant::NEVER && self.clock.now().since(seen) < MAX_LAG
    }

    fn add_lag(&self, status: &mut NodeStatus, progress: &Progress) {
        let view = self.primary.borrow();
        let follows = status.role == Role::Standby
            && progress.caught_up
            && progress.known <= status.applied_seq;
        // While somebody leads, only its word tells how far the log is.
        let leads = view.leader.as_ref().is_some_and(|leader| leader.serving);
        if !self.is_recent(view.seen) {
            // Where each node has a log of its own, its end says nothing while nobody leads.
            status.in_sync = follows && !leads && self.outlet.is_none();
            return;
        }
        status.epoch = status.epoch.max(view.epoch);
        status.committed_seq = status.committed_seq.max(view.committed.seq);
        status.lag_entries = view.committed.seq.since(status.applied_seq);
        if let Some(since) = view.behind_since(status.applied_seq) {
            status.lag_ms = self.clock.now().since(since).as_secs_f64() * 1e3;
        }
        // Without a log it is to be where the newest snapshot is, not where the primary is.
        let is_near = status.lag_ms < MAX_LAG.as_secs_f64() * 1e3;
        status.in_sync = follows && (is_near || self.knows_newest_snapshot());
    }

    /// Without a log: whether the catalog was read a moment ago.
    fn knows_newest_snapshot(&self) -> bool {
        let read = *self.catalog_read.lock();
        !self.sources.log_outlives_term()
            && read != BootInstant::NEVER
            && self.clock.now().since(read) < self.catalog_age()
    }

    fn catalog_age(&self) -> Duration {
        let store = self.sources.snapshots.as_ref();
        let every_ms = store.map_or(0, |store| store.capabilities().look_every_ms);
        CATALOG_AGE.max(Duration::from_millis(every_ms * LOOKS))
    }

    fn add_digest(&self, status: &mut NodeStatus) {
        let Some(machine) = self.machine() else {
            return;
        };
        let machine = machine.lock();
        let wanted = status.committed_seq.0.min(machine.position().seq.0);
        if let Some(digest) = machine.digest_at(Seq(wanted)) {
            status.digest = Some(digest);
            status.digest_seq = Seq(wanted);
        }
    }

    /// What this node registers about itself.
    pub(crate) fn member(&self) -> Member {
        let status = self.node_status();
        Member {
            candidate: self.sources.candidate.clone(),
            role: status.role,
            epoch: status.epoch,
            applied: status.applied_seq,
            digest: status.digest,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The whole cluster: this node, and what the other registered ones say.
    pub(crate) async fn cluster_status(self: &Arc<Self>) -> ClusterStatus {
        let own = self.node_status();
        let members = self
            .sources
            .election
            .members()
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot list the members");
                Vec::new()
            });
        let others = members
            .iter()
            .filter(|member| member.candidate.node != own.id);
        let others = others.map(async |member| {
            let answer = ask(&member.candidate.endpoint).await;
            answer.unwrap_or_else(|| NodeStatus::silent(member))
        });
        let mut nodes = join_all(others).await;
        nodes.push(own);
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        let leader = nodes
            .iter()
            .filter(|node| node.role == Role::Primary && node.in_sync)
            .max_by_key(|node| node.epoch)
            .map(|node| node.id.clone());
        let epoch = nodes
            .iter()
            .map(|node| node.epoch)
            .max()
            .unwrap_or_default();
        ClusterStatus {
            cluster: self.config.cluster.id.clone(),
            leader,
            epoch,
            nodes,
        }
    }
}

/// Another node's own status; `None` when it does not answer in time.
async fn ask(endpoint: &str) -> Option<NodeStatus> {
    let answer = async {
        let channel = Endpoint::from_shared(format!("http://{endpoint}")).ok()?;
        let channel = channel.connect_timeout(PATIENCE).connect().await.ok()?;
        let request = GetStatusRequest { own_only: true };
        let answer = AdminServiceClient::new(channel)
            .get_status(request)
            .await
            .ok()?;
        serde_json::from_str(&answer.into_inner().json).ok()
    };
    tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use standfast_core::{Clock, LeaderRecord};

    use super::*;
    use crate::node::test_parts::{TestParts, candidate};

    #[tokio::test]
    async fn a_standby_that_hears_nothing_from_a_primary_that_leads_is_not_ready() {
        let clock = Clock::manual();
        let shared = TestParts::new(&clock).await.shared;
        shared.role.send_replace(Role::Standby);
        shared
            .progress
            .send_modify(|progress| progress.caught_up = true);
        let leader = LeaderRecord {
            candidate: candidate("b"),
            epoch: Epoch(1),
            serving: true,
        };
        shared
            .primary
            .send_modify(|view| view.leader = Some(leader));
        assert!(!shared.node_status().in_sync, "not heard of yet");
        assert_eq!(shared.lag_entries(), None, "nobody could tell");
        shared.primary.send_modify(|view| view.seen = clock.now());
        assert!(shared.node_status().in_sync, "heard of just now");
        assert_eq!(shared.lag_entries(), Some(0));
        clock.advance(MAX_LAG);
        assert!(!shared.node_status().in_sync, "silent for too long");
        assert_eq!(shared.lag_entries(), None, "no longer known");
        shared.primary.send_modify(|view| view.leader = None);
        assert!(
            shared.node_status().in_sync,
            "nobody leads, and it lacks nothing"
        );
    }

    #[tokio::test]
    async fn a_primary_whose_lease_has_run_out_is_neither_ready_nor_the_leader() {
        let clock = Clock::manual();
        let parts = TestParts::new(&clock).await;
        let _term = parts.lead().await;
        let status = parts.shared.cluster_status().await;
        assert!(parts.shared.node_status().in_sync);
        assert_eq!(status.leader, Some(candidate("a").node));
        parts.election.freeze_leader();
        clock.advance(Duration::from_hours(1));
        let status = parts.shared.cluster_status().await;
        assert!(!parts.shared.node_status().in_sync);
        assert_eq!(status.leader, None);
    }
}
