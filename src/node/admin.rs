use std::sync::Arc;

use standfast_core::{Error, ErrorKind, Listed, NodeId, Result, Span};
use standfast_wire::v1::admin_service_server::AdminService;
use standfast_wire::v1::{
    CreateSnapshotRequest, CreateSnapshotResponse, GetStatusRequest, GetStatusResponse,
    PruneSnapshotsRequest, PruneSnapshotsResponse, RetiredSnapshot, StepDownRequest,
    StepDownResponse, SwitchoverRequest, SwitchoverResponse,
};
use tonic::{Request, Response, Status};

use super::prune::prune;
use super::shared::Shared;
use super::snapshots;
use super::switchover::{step_down, switchover};

/// What operators call.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Arc<Shared>);

/// An error as a gRPC status: the kind's name goes along, so that scripts need not read the message.
pub(crate) fn to_status(error: &Error) -> Status {
    let message = error.to_string();
    let mut status = match error.kind() {
        ErrorKind::NotPrimary { .. } | ErrorKind::Fenced => Status::failed_precondition(message),
        ErrorKind::NotFound => Status::not_found(message),
        ErrorKind::Invalid | ErrorKind::Config => Status::invalid_argument(message),
        ErrorKind::Timeout => Status::deadline_exceeded(message),
        ErrorKind::Busy | ErrorKind::Quota | ErrorKind::Throttled => {
            Status::resource_exhausted(message)
        }
        _ => Status::unavailable(message),
    };
    let name = error
        .kind()
        .name()
        .parse()
        .expect("names of kinds are ascii");
    status.metadata_mut().insert("standfast-error", name);
    status
}

impl Admin {
    fn status_json(
        result: serde_json::Result<String>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let json = result.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(GetStatusResponse { json }))
    }

    async fn hand_over(&self, to: &str) -> Result<SwitchoverResponse> {
        let node = NodeId::new(to)?;
        tracing::info!(to, "switchover asked for");
        let (successor, pause) = switchover(&self.0, Some(&node)).await?;
        Ok(SwitchoverResponse {
            node: successor.to_string(),
            pause_ms: pause.as_secs_f64() * 1e3,
        })
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        if request.get_ref().own_only {
            return Self::status_json(serde_json::to_string(&self.0.node_status()));
        }
        Self::status_json(serde_json::to_string(&self.0.cluster_status().await))
    }

    async fn switchover(
        &self,
        request: Request<SwitchoverRequest>,
    ) -> Result<Response<SwitchoverResponse>, Status> {
        let answer = self.hand_over(&request.get_ref().to).await;
        answer.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn step_down(
        &self,
        _request: Request<StepDownRequest>,
    ) -> Result<Response<StepDownResponse>, Status> {
        let stepped_down = step_down(&self.0).await;
        stepped_down.map_err(|error| to_status(&error))?;
        Ok(Response::new(StepDownResponse {}))
    }

    async fn create_snapshot(
        &self,
        _request: Request<CreateSnapshotRequest>,
    ) -> Result<Response<CreateSnapshotResponse>, Status> {
        let manifest = snapshots::create(&self.0)
            .await
            .map_err(|error| to_status(&error))?;
        Ok(Response::new(CreateSnapshotResponse {
            id: manifest.id.to_string(),
            seq: manifest.position.seq.0,
        }))
    }

    async fn prune_snapshots(
        &self,
        request: Request<PruneSnapshotsRequest>,
    ) -> Result<Response<PruneSnapshotsResponse>, Status> {
        let asked = request.get_ref();
        let keep_for = Span::millis(asked.keep_for_ms);
        let pruned = prune(&self.0, asked.keep, keep_for, asked.dry_run)
            .await
            .map_err(|error| to_status(&error))?;
        Ok(Response::new(PruneSnapshotsResponse {
            retired: pruned.retired.iter().map(retired).collect(),
            deleted_objects: pruned.deleted_objects,
        }))
    }
}

fn retired(listed: &Listed) -> RetiredSnapshot {
    RetiredSnapshot {
        id: listed.id.to_string(),
        seq: listed.position.seq.0,
        rows: listed.rows,
        bytes: listed.bytes,
    }
}
