use std::ops::Range;

use bytes::Bytes;
use standfast_core::{BootInstant, Outcome, RequestHeader};
use tonic::Status;

use super::master::{Asked, Master};
use super::status::status;
use super::wire;
use crate::key::Target;
use crate::request::{Answer, Call, Question};
use crate::v1;

/// The keys of a piece of a request.
pub(super) fn targets(tenant: &str, keys: &[Bytes], piece: Range<usize>) -> Vec<Target> {
    let keys = keys.get(piece).unwrap_or_default();
    let target = |key: &Bytes| Target::new(tenant.as_bytes(), key);
    keys.iter().map(target).collect()
}

pub(super) fn lengths(keys: &[Bytes]) -> impl Iterator<Item = usize> + '_ {
    keys.iter().map(Bytes::len)
}

pub(super) fn asked(
    header: Option<&v1::RequestHeader>,
    deadline: BootInstant,
) -> Result<Asked, Status> {
    let header: RequestHeader = wire::header(header)?;
    Ok(Asked { header, deadline })
}

impl Master {
    pub(super) async fn primary(&self) -> v1::GetPrimaryResponse {
        let options = self.options();
        let mut response = v1::GetPrimaryResponse {
            node: options.node.to_string(),
            ..v1::GetPrimaryResponse::default()
        };
        if let Some(epoch) = self.leads() {
            response.leads = true;
            response.epoch = epoch.0;
            response.primary.clone_from(&options.advertise);
            return response;
        }
        // A question is refused with the address of the node that would answer it.
        let refused = self.ask(Question::Nothing, options.clock.now()).await;
        if let Err(error) = refused
            && let standfast_core::ErrorKind::NotPrimary {
                address: Some(address),
            } = error.kind()
        {
            response.primary.clone_from(address);
        }
        response
    }

    pub(super) async fn answer_ping(
        &self,
        ping: &v1::PingRequest,
        deadline: BootInstant,
    ) -> Result<v1::PingResponse, Status> {
        let client = wire::client_id(&ping.client)?;
        let mounted: Result<Vec<_>, Status> = ping
            .mounted
            .iter()
            .map(|m| Ok((wire::segment_id(&m.segment)?, m.incarnation)))
            .collect();
        let question = Question::Ping {
            client,
            mounted: mounted?,
        };
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::Pong {
            known,
            client_ttl_ms,
        } = answer
        else {
            return Err(Status::internal("an answer to another question"));
        };
        let status = if known {
            v1::PingStatus::Ok
        } else {
            v1::PingStatus::NeedRemount
        };
        Ok(v1::PingResponse {
            status: status as i32,
            epoch: self.leads().map_or(0, |epoch| epoch.0),
            client_ttl_ms,
        })
    }

    pub(super) async fn mount(
        &self,
        request: v1::MountSegmentRequest,
        deadline: BootInstant,
    ) -> Result<Vec<Outcome>, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        if request.segments.is_empty() {
            let join = |_| Call::Join;
            return self.propose("join", asked, std::iter::once(0), join).await;
        }
        let segments: Result<Vec<_>, _> = request.segments.into_iter().map(wire::segment).collect();
        let segments = segments?;
        let lengths = segments.iter().map(|segment| segment.name.len());
        let call =
            |piece: Range<usize>| Call::Mount(segments.get(piece).unwrap_or_default().to_vec());
        self.propose("mount", asked, lengths, call).await
    }

    pub(super) async fn unmount(
        &self,
        request: &v1::UnmountSegmentRequest,
        deadline: BootInstant,
    ) -> Result<Vec<Outcome>, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let ids: Result<Vec<_>, _> = request.ids.iter().map(|id| wire::segment_id(id)).collect();
        let ids = ids?;
        let call = |piece: Range<usize>| Call::Unmount(ids.get(piece).unwrap_or_default().to_vec());
        self.propose("unmount", asked, lengths(&request.ids), call)
            .await
    }

    pub(super) async fn unmount_gracefully(
        &self,
        request: &v1::GracefulUnmountSegmentRequest,
        deadline: BootInstant,
    ) -> Result<Vec<Outcome>, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let ids: Result<Vec<_>, _> = request.ids.iter().map(|id| wire::segment_id(id)).collect();
        let ids = ids?;
        let call = |piece: Range<usize>| Call::GracefulUnmount {
            ids: ids.get(piece).unwrap_or_default().to_vec(),
            grace_ms: request.grace_ms,
            force: request.force,
        };
        self.propose("graceful_unmount", asked, lengths(&request.ids), call)
            .await
    }

    pub(super) async fn end_puts(
        &self,
        request: &v1::BatchPutEndRequest,
        deadline: BootInstant,
    ) -> Result<Vec<Outcome>, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let (keys, checksums) = (&request.keys, &request.checksums);
        if !checksums.is_empty() && checksums.len() != keys.len() {
            return Err(Status::invalid_argument(format!(
                "{} checksums for {} keys: want none, or one for each",
                checksums.len(),
                keys.len()
            )));
        }
        let call = |piece: Range<usize>| {
            let checksums = piece.clone().map(|at| checksums.get(at).copied());
            let targets = targets(&request.tenant, keys, piece);
            Call::PutEnd(targets.into_iter().zip(checksums).collect())
        };
        self.propose("put_end", asked, lengths(keys), call).await
    }

    pub(super) async fn revoke_puts(
        &self,
        request: &v1::BatchPutRevokeRequest,
        deadline: BootInstant,
    ) -> Result<Vec<Outcome>, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let call = |piece| Call::PutRevoke(targets(&request.tenant, &request.keys, piece));
        self.propose("put_revoke", asked, lengths(&request.keys), call)
            .await
    }

    pub(super) async fn remove_batch(
        &self,
        request: &v1::BatchRemoveRequest,
        deadline: BootInstant,
    ) -> Result<Vec<Outcome>, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let call = |piece| Call::Remove {
            targets: targets(&request.tenant, &request.keys, piece),
            force: request.force,
        };
        self.propose("remove", asked, lengths(&request.keys), call)
            .await
    }
}
