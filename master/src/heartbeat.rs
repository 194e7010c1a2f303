use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use standfast_core::{BootInstant, Clock, NodeId, Position};
use standfast_wire::v1::replication_service_server::ReplicationService;
use standfast_wire::v1::{HeartbeatRequest, HeartbeatResponse, SyncOpLogRequest};
use standfast_wire::{position_from_wire, position_to_wire};
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::handle::TermHandle;
use crate::replication::{Answers, Outlet};

/// A standby that was heard within this time is there.
const PRESENT: Duration = Duration::from_secs(1);

/// Where the standbys are, by their heartbeats.
#[derive(Clone, Debug)]
pub struct Standbys {
    seen: Arc<Mutex<BTreeMap<NodeId, Seen>>>,
    changed: Arc<watch::Sender<u64>>,
    clock: Clock,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    applied: Position,
    at: BootInstant,
}

impl Standbys {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            seen: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
            clock,
        }
    }

    /// Those heard within the last second, and what they have applied.
    pub fn present(&self) -> BTreeMap<NodeId, Position> {
        let now = self.clock.now();
        let seen = self.seen.lock();
        let fresh = seen.iter().filter(|(_, seen)| now.since(seen.at) < PRESENT);
        fresh
            .map(|(node, seen)| (node.clone(), seen.applied))
            .collect()
    }

    /// Waits until a standby, `node` if named, has applied `position`, and returns which.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn reached(&self, position: Position, node: Option<&NodeId>) -> NodeId {
        let mut changed = self.changed.subscribe();
        loop {
            let found = self.present().into_iter().find(|(candidate, applied)| {
                applied.epoch == position.epoch
                    && applied.seq >= position.seq
                    && node.is_none_or(|node| node == candidate)
            });
            if let Some((candidate, _)) = found {
                return candidate;
            }
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn heard(&self, node: NodeId, applied: Position) {
        self.seen.lock().insert(
            node,
            Seen {
                applied,
                at: self.clock.now(),
            },
        );
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

/// Answers standbys on behalf of whatever term this node leads.
#[derive(Debug)]
pub struct ReplicationServer {
    term: watch::Receiver<Option<TermHandle>>,
    standbys: Standbys,
    fingerprint: [u8; 16],
    outlet: Option<Outlet>,
}

impl ReplicationServer {
    /// Answers for the term in `term`, and keeps what it hears in `standbys`. `outlet`: where standbys keep logs of their
    /// own.
    pub const fn new(
        term: watch::Receiver<Option<TermHandle>>,
        standbys: Standbys,
        fingerprint: [u8; 16],
        outlet: Option<Outlet>,
    ) -> Self {
        Self {
            term,
            standbys,
            fingerprint,
            outlet,
        }
    }
}

#[tonic::async_trait]
impl ReplicationService for ReplicationServer {
    type HeartbeatStream =
        Pin<Box<dyn Stream<Item = Result<HeartbeatResponse, Status>> + Send + 'static>>;

    async fn heartbeat(
        &self,
        request: Request<Streaming<HeartbeatRequest>>,
    ) -> Result<Response<Self::HeartbeatStream>, Status> {
        let (term, standbys, ours) = (self.term.clone(), self.standbys.clone(), self.fingerprint);
        let answers = request.into_inner().map(move |message| {
            let message = message?;
            if message.fingerprint != ours {
                return Err(Status::failed_precondition(
                    "the heartbeat is of another cluster",
                ));
            }
            let invalid =
                |error: standfast_core::Error| Status::invalid_argument(error.to_string());
            let node = NodeId::new(message.node).map_err(invalid)?;
            let applied = position_from_wire(message.applied.as_ref()).map_err(invalid)?;
            let Some(term) = term.borrow().clone() else {
                return Err(Status::failed_precondition("this node does not lead"));
            };
            standbys.heard(node, applied);
            let progress = term.progress();
            Ok(HeartbeatResponse {
                epoch: term.token().epoch.0,
                tail_seq: progress.applied.0,
                committed: Some(position_to_wire(progress.committed)),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    type SyncOpLogStream = Answers;

    async fn sync_op_log(
        &self,
        request: Request<Streaming<SyncOpLogRequest>>,
    ) -> Result<Response<Self::SyncOpLogStream>, Status> {
        let Some(outlet) = self.outlet.clone() else {
            return Err(Status::failed_precondition(
                "[replication] mode = \"log\" here: standbys follow the log in its store",
            ));
        };
        let answers = Answers::new(outlet, self.fingerprint, request.into_inner());
        Ok(Response::new(answers))
    }
}
