use bytes::Bytes;
use standfast_core::BootInstant;
use tonic::Status;

use super::calls::{asked, lengths, targets};
use super::master::{Master, in_doubt};
use super::status::status;
use super::wire;
use crate::key::Target;
use crate::request::{Call, TransferKind, TransferStart};
use crate::v1;

/// How a copy or move under way is finished.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    name: &'static str,
    kind: TransferKind,
    call: fn(TransferKind, Vec<Target>) -> Call,
}

const END: fn(TransferKind, Vec<Target>) -> Call =
    |kind, targets| Call::TransferEnd { kind, targets };
const REVOKE: fn(TransferKind, Vec<Target>) -> Call =
    |kind, targets| Call::TransferRevoke { kind, targets };

pub(super) const COPY_END: Finish = Finish {
    name: "copy_end",
    kind: TransferKind::Copy,
    call: END,
};
pub(super) const COPY_REVOKE: Finish = Finish {
    name: "copy_revoke",
    kind: TransferKind::Copy,
    call: REVOKE,
};
pub(super) const MOVE_END: Finish = Finish {
    name: "move_end",
    kind: TransferKind::Move,
    call: END,
};
pub(super) const MOVE_REVOKE: Finish = Finish {
    name: "move_revoke",
    kind: TransferKind::Move,
    call: REVOKE,
};

impl Master {
    pub(super) async fn start_transfer(
        &self,
        one: v1::TransferStartRequest,
        kind: TransferKind,
        deadline: BootInstant,
    ) -> Result<v1::PutStartResponse, Status> {
        let batch = v1::BatchTransferStartRequest {
            header: one.header,
            tenant: one.tenant,
            keys: vec![one.key],
            from: one.from,
            to: one.to,
        };
        let response = self.start_transfers(batch, kind, deadline).await?;
        Ok(v1::PutStartResponse {
            result: Some(wire::single(response.results)?),
            segments: response.segments,
        })
    }

    pub(super) async fn start_transfers(
        &self,
        request: v1::BatchTransferStartRequest,
        kind: TransferKind,
        deadline: BootInstant,
    ) -> Result<v1::BatchPutStartResponse, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let from = Some(&request.from).filter(|from| !from.is_empty());
        let from = from.map(|id| wire::segment_id(id)).transpose()?;
        let to: Result<Vec<_>, _> = request.to.iter().map(|id| wire::segment_id(id)).collect();
        let to = to?;
        let call = |piece| {
            Call::TransferStart(TransferStart {
                kind,
                targets: targets(&request.tenant, &request.keys, piece),
                from,
                to: to.clone(),
            })
        };
        let name = match kind {
            TransferKind::Copy => "copy_start",
            TransferKind::Move => "move_start",
        };
        let outcomes = self.propose(name, asked, lengths(&request.keys), call);
        // A transfer is over when one of its segments is gone.
        self.describe(outcomes.await?, true, deadline)
            .await
            .map_err(|error| status(&in_doubt(error)))
    }

    pub(super) async fn finish_transfer(
        &self,
        one: v1::TransferRequest,
        finish: Finish,
        deadline: BootInstant,
    ) -> Result<v1::TransferResponse, Status> {
        let (header, keys) = (one.header, [one.key]);
        let results = self.finish(header.as_ref(), (&one.tenant, &keys), finish, deadline);
        Ok(v1::TransferResponse {
            result: Some(wire::single(results.await?)?),
        })
    }

    pub(super) async fn finish_transfers(
        &self,
        batch: &v1::BatchTransferRequest,
        finish: Finish,
        deadline: BootInstant,
    ) -> Result<v1::BatchTransferResponse, Status> {
        let keys = (batch.tenant.as_str(), batch.keys.as_slice());
        let results = self.finish(batch.header.as_ref(), keys, finish, deadline);
        Ok(v1::BatchTransferResponse {
            results: results.await?,
        })
    }

    async fn finish(
        &self,
        header: Option<&v1::RequestHeader>,
        (tenant, keys): (&str, &[Bytes]),
        finish: Finish,
        deadline: BootInstant,
    ) -> Result<Vec<v1::ItemResult>, Status> {
        let asked = asked(header, deadline)?;
        let call = |piece| (finish.call)(finish.kind, targets(tenant, keys, piece));
        let outcomes = self.propose(finish.name, asked, lengths(keys), call);
        Ok(wire::items(outcomes.await?))
    }
}
