use tonic::{Request, Response, Status};

use super::master::Master;
use super::pattern::pattern_of;
use super::removal::Removal;
use super::starts::{PUT, UPSERT};
use super::transfers::{COPY_END, COPY_REVOKE, MOVE_END, MOVE_REVOKE};
use super::wire::{items, single};
use crate::request::TransferKind;
use crate::v1;
use crate::v1::master_service_server::MasterService;

type Answered<T> = Result<Response<T>, Status>;

/// The single form of a call is its batch form with one item.
#[tonic::async_trait]
impl MasterService for Master {
    async fn get_primary(
        &self,
        _request: Request<v1::GetPrimaryRequest>,
    ) -> Answered<v1::GetPrimaryResponse> {
        Ok(Response::new(self.primary().await))
    }

    async fn ping(&self, request: Request<v1::PingRequest>) -> Answered<v1::PingResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.answer_ping(request.get_ref(), deadline).await?;
        Ok(Response::new(response))
    }

    async fn mount_segment(
        &self,
        request: Request<v1::MountSegmentRequest>,
    ) -> Answered<v1::MountSegmentResponse> {
        let deadline = self.deadline(request.metadata());
        let outcomes = self.mount(request.into_inner(), deadline).await?;
        let results = items(outcomes);
        Ok(Response::new(v1::MountSegmentResponse { results }))
    }

    async fn re_mount_segment(
        &self,
        request: Request<v1::ReMountSegmentRequest>,
    ) -> Answered<v1::ReMountSegmentResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.remount(request.into_inner(), deadline).await?;
        Ok(Response::new(response))
    }

    async fn unmount_segment(
        &self,
        request: Request<v1::UnmountSegmentRequest>,
    ) -> Answered<v1::UnmountSegmentResponse> {
        let deadline = self.deadline(request.metadata());
        let outcomes = self.unmount(request.get_ref(), deadline).await?;
        let results = items(outcomes);
        Ok(Response::new(v1::UnmountSegmentResponse { results }))
    }

    async fn graceful_unmount_segment(
        &self,
        request: Request<v1::GracefulUnmountSegmentRequest>,
    ) -> Answered<v1::UnmountSegmentResponse> {
        let deadline = self.deadline(request.metadata());
        let outcomes = self.unmount_gracefully(request.get_ref(), deadline).await?;
        let results = items(outcomes);
        Ok(Response::new(v1::UnmountSegmentResponse { results }))
    }

    async fn put_start(
        &self,
        request: Request<v1::PutStartRequest>,
    ) -> Answered<v1::PutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.start_put(request.into_inner(), PUT, deadline).await?;
        Ok(Response::new(response))
    }

    async fn batch_put_start(
        &self,
        request: Request<v1::BatchPutStartRequest>,
    ) -> Answered<v1::BatchPutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.start_puts(request.into_inner(), PUT, deadline).await?;
        Ok(Response::new(response))
    }

    async fn upsert_start(
        &self,
        request: Request<v1::PutStartRequest>,
    ) -> Answered<v1::PutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self
            .start_put(request.into_inner(), UPSERT, deadline)
            .await?;
        Ok(Response::new(response))
    }

    async fn batch_upsert_start(
        &self,
        request: Request<v1::BatchPutStartRequest>,
    ) -> Answered<v1::BatchPutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self
            .start_puts(request.into_inner(), UPSERT, deadline)
            .await?;
        Ok(Response::new(response))
    }

    async fn put_end(&self, request: Request<v1::PutEndRequest>) -> Answered<v1::PutEndResponse> {
        let deadline = self.deadline(request.metadata());
        let one = request.into_inner();
        let batch = v1::BatchPutEndRequest {
            header: one.header,
            tenant: one.tenant,
            keys: vec![one.key],
            checksums: one.checksum.into_iter().collect(),
        };
        let result = Some(single(items(self.end_puts(&batch, deadline).await?))?);
        Ok(Response::new(v1::PutEndResponse { result }))
    }

    async fn batch_put_end(
        &self,
        request: Request<v1::BatchPutEndRequest>,
    ) -> Answered<v1::BatchPutEndResponse> {
        let deadline = self.deadline(request.metadata());
        let results = items(self.end_puts(request.get_ref(), deadline).await?);
        Ok(Response::new(v1::BatchPutEndResponse { results }))
    }

    async fn put_revoke(
        &self,
        request: Request<v1::PutRevokeRequest>,
    ) -> Answered<v1::PutRevokeResponse> {
        let deadline = self.deadline(request.metadata());
        let one = request.into_inner();
        let batch = v1::BatchPutRevokeRequest {
            header: one.header,
            tenant: one.tenant,
            keys: vec![one.key],
        };
        let result = Some(single(items(self.revoke_puts(&batch, deadline).await?))?);
        Ok(Response::new(v1::PutRevokeResponse { result }))
    }

    async fn batch_put_revoke(
        &self,
        request: Request<v1::BatchPutRevokeRequest>,
    ) -> Answered<v1::BatchPutRevokeResponse> {
        let deadline = self.deadline(request.metadata());
        let results = items(self.revoke_puts(request.get_ref(), deadline).await?);
        Ok(Response::new(v1::BatchPutRevokeResponse { results }))
    }

    async fn copy_start(
        &self,
        request: Request<v1::TransferStartRequest>,
    ) -> Answered<v1::PutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let started = self.start_transfer(request.into_inner(), TransferKind::Copy, deadline);
        Ok(Response::new(started.await?))
    }

    async fn batch_copy_start(
        &self,
        request: Request<v1::BatchTransferStartRequest>,
    ) -> Answered<v1::BatchPutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let started = self.start_transfers(request.into_inner(), TransferKind::Copy, deadline);
        Ok(Response::new(started.await?))
    }

    async fn copy_end(
        &self,
        request: Request<v1::TransferRequest>,
    ) -> Answered<v1::TransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfer(request.into_inner(), COPY_END, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn batch_copy_end(
        &self,
        request: Request<v1::BatchTransferRequest>,
    ) -> Answered<v1::BatchTransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfers(request.get_ref(), COPY_END, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn copy_revoke(
        &self,
        request: Request<v1::TransferRequest>,
    ) -> Answered<v1::TransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfer(request.into_inner(), COPY_REVOKE, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn batch_copy_revoke(
        &self,
        request: Request<v1::BatchTransferRequest>,
    ) -> Answered<v1::BatchTransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfers(request.get_ref(), COPY_REVOKE, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn move_start(
        &self,
        request: Request<v1::TransferStartRequest>,
    ) -> Answered<v1::PutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let started = self.start_transfer(request.into_inner(), TransferKind::Move, deadline);
        Ok(Response::new(started.await?))
    }

    async fn batch_move_start(
        &self,
        request: Request<v1::BatchTransferStartRequest>,
    ) -> Answered<v1::BatchPutStartResponse> {
        let deadline = self.deadline(request.metadata());
        let started = self.start_transfers(request.into_inner(), TransferKind::Move, deadline);
        Ok(Response::new(started.await?))
    }

    async fn move_end(
        &self,
        request: Request<v1::TransferRequest>,
    ) -> Answered<v1::TransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfer(request.into_inner(), MOVE_END, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn batch_move_end(
        &self,
        request: Request<v1::BatchTransferRequest>,
    ) -> Answered<v1::BatchTransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfers(request.get_ref(), MOVE_END, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn move_revoke(
        &self,
        request: Request<v1::TransferRequest>,
    ) -> Answered<v1::TransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfer(request.into_inner(), MOVE_REVOKE, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn batch_move_revoke(
        &self,
        request: Request<v1::BatchTransferRequest>,
    ) -> Answered<v1::BatchTransferResponse> {
        let deadline = self.deadline(request.metadata());
        let finished = self.finish_transfers(request.get_ref(), MOVE_REVOKE, deadline);
        Ok(Response::new(finished.await?))
    }

    async fn get_replica_list(
        &self,
        request: Request<v1::GetReplicaListRequest>,
    ) -> Answered<v1::GetReplicaListResponse> {
        let deadline = self.deadline(request.metadata());
        let one = request.into_inner();
        let batch = v1::BatchGetReplicaListRequest {
            tenant: one.tenant,
            keys: vec![one.key],
            client: one.client,
        };
        let response = self.locate(&batch, deadline).await?;
        Ok(Response::new(v1::GetReplicaListResponse {
            result: Some(single(response.results)?),
            segments: response.segments,
            lease_ms: response.lease_ms,
        }))
    }

    async fn batch_get_replica_list(
        &self,
        request: Request<v1::BatchGetReplicaListRequest>,
    ) -> Answered<v1::BatchGetReplicaListResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.locate(request.get_ref(), deadline).await?;
        Ok(Response::new(response))
    }

    async fn exist_key(
        &self,
        request: Request<v1::ExistKeyRequest>,
    ) -> Answered<v1::ExistKeyResponse> {
        let deadline = self.deadline(request.metadata());
        let one = request.into_inner();
        let batch = v1::BatchExistKeyRequest {
            tenant: one.tenant,
            keys: vec![one.key],
            client: one.client,
        };
        let result = Some(single(self.exist(&batch, deadline).await?)?);
        Ok(Response::new(v1::ExistKeyResponse { result }))
    }

    async fn batch_exist_key(
        &self,
        request: Request<v1::BatchExistKeyRequest>,
    ) -> Answered<v1::BatchExistKeyResponse> {
        let deadline = self.deadline(request.metadata());
        let results = self.exist(request.get_ref(), deadline).await?;
        Ok(Response::new(v1::BatchExistKeyResponse { results }))
    }

    async fn remove(&self, request: Request<v1::RemoveRequest>) -> Answered<v1::RemoveResponse> {
        let deadline = self.deadline(request.metadata());
        let one = request.into_inner();
        let batch = v1::BatchRemoveRequest {
            header: one.header,
            tenant: one.tenant,
            keys: vec![one.key],
            force: one.force,
        };
        let result = Some(single(items(self.remove_batch(&batch, deadline).await?))?);
        Ok(Response::new(v1::RemoveResponse { result }))
    }

    async fn batch_remove(
        &self,
        request: Request<v1::BatchRemoveRequest>,
    ) -> Answered<v1::BatchRemoveResponse> {
        let deadline = self.deadline(request.metadata());
        let results = items(self.remove_batch(request.get_ref(), deadline).await?);
        Ok(Response::new(v1::BatchRemoveResponse { results }))
    }

    async fn remove_all(
        &self,
        request: Request<v1::RemoveAllRequest>,
    ) -> Answered<v1::RemovedPage> {
        let deadline = self.deadline(request.metadata());
        let request = request.into_inner();
        let removal = Removal {
            header: request.header,
            tenant: request.tenant,
            pattern: None,
            force: request.force,
            cursor: request.cursor,
        };
        Ok(Response::new(self.remove_page(removal, deadline).await?))
    }

    async fn remove_by_regex(
        &self,
        request: Request<v1::RemoveByRegexRequest>,
    ) -> Answered<v1::RemovedPage> {
        let deadline = self.deadline(request.metadata());
        let request = request.into_inner();
        let removal = Removal {
            header: request.header,
            tenant: request.tenant,
            pattern: Some(pattern_of(&request.regex)?),
            force: request.force,
            cursor: request.cursor,
        };
        Ok(Response::new(self.remove_page(removal, deadline).await?))
    }

    async fn list_objects(
        &self,
        request: Request<v1::ListObjectsRequest>,
    ) -> Answered<v1::ListObjectsResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.object_page(request.get_ref(), deadline).await?;
        Ok(Response::new(response))
    }

    async fn list_segments(
        &self,
        request: Request<v1::ListSegmentsRequest>,
    ) -> Answered<v1::ListSegmentsResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.segment_page(request.into_inner(), deadline).await?;
        Ok(Response::new(response))
    }

    async fn list_segment_objects(
        &self,
        request: Request<v1::ListSegmentObjectsRequest>,
    ) -> Answered<v1::ListSegmentObjectsResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self
            .segment_object_page(request.get_ref(), deadline)
            .await?;
        Ok(Response::new(response))
    }

    async fn set_quota(
        &self,
        request: Request<v1::SetQuotaRequest>,
    ) -> Answered<v1::SetQuotaResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self
            .set_tenant_quota(request.into_inner(), deadline)
            .await?;
        Ok(Response::new(response))
    }

    async fn get_quota(
        &self,
        request: Request<v1::GetQuotaRequest>,
    ) -> Answered<v1::GetQuotaResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.tenant_quota(request.get_ref(), deadline).await?;
        Ok(Response::new(response))
    }

    async fn list_tenants(
        &self,
        request: Request<v1::ListTenantsRequest>,
    ) -> Answered<v1::ListTenantsResponse> {
        let deadline = self.deadline(request.metadata());
        let response = self.tenant_page(request.into_inner(), deadline).await?;
        Ok(Response::new(response))
    }
}
