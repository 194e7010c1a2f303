use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Refusal, Result};

use super::calls::{Items, items, unknown};
use super::inner::unknown_client;
use super::metadata_client::MetadataClient;
use super::placed::{ReplicaAt, refused, replicas};
use crate::names::SegmentId;
use crate::request::TransferKind;
use crate::v1;
use crate::v1::ErrorCode;

/// A copy or a move that was started.
#[derive(Clone, Debug, PartialEq)]
pub struct Transferring {
    /// What is to be read.
    pub source: ReplicaAt,
    /// Where it is to be written; one for a move.
    pub targets: Vec<ReplicaAt>,
}

impl MetadataClient {
    /// Starts copies or moves: allocates replicas in the segments `to`, one for a move, of objects that lie in `from`; `None`:
    /// wherever they lie. The objects are not evicted, and removed by force only, until that is ended or revoked, or given
    /// up after `put_start_release`. After `put_start_discard` another client may start the same in its place.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be started all the same; one that is not ended is discarded in time.
    pub async fn transfer_start(
        &self,
        kind: TransferKind,
        keys: &[Bytes],
        from: Option<SegmentId>,
        to: &[SegmentId],
    ) -> Result<Items<Transferring>> {
        let id = |id: &SegmentId| Bytes::copy_from_slice(&id.to_bytes());
        let send = |header| {
            let request = v1::BatchTransferStartRequest {
                header: Some(header),
                tenant: self.inner.options.tenant.clone(),
                keys: keys.to_vec(),
                from: from.as_ref().map(id).unwrap_or_default(),
                to: to.iter().map(id).collect(),
            };
            async move {
                self.inner
                    .call(
                        "transfer start",
                        keys.len(),
                        &request,
                        move |mut stub, r| async move {
                            match kind {
                                TransferKind::Copy => stub.batch_copy_start(r).await,
                                TransferKind::Move => stub.batch_move_start(r).await,
                            }
                        },
                    )
                    .await
            }
        };
        let unknown = |answer: &v1::BatchPutStartResponse| {
            unknown_client(answer.results.iter().map(|result| result.code))
        };
        let answer = self.inner.change(send, unknown).await?;
        let table: Vec<_> = answer.segments.into_iter().map(Arc::new).collect();
        let results = answer.results.iter();
        Ok(results.map(|result| transferring(&table, result)).collect())
    }

    /// Ends copies or moves: the new replicas were written, and can be read from here on.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be ended all the same.
    pub async fn transfer_end(&self, kind: TransferKind, keys: &[Bytes]) -> Result<Items<()>> {
        let send = |header| {
            let request = self.batch(header, keys);
            async move {
                self.inner
                    .call(
                        "transfer end",
                        keys.len(),
                        &request,
                        move |mut stub, r| async move {
                            match kind {
                                TransferKind::Copy => stub.batch_copy_end(r).await,
                                TransferKind::Move => stub.batch_move_end(r).await,
                            }
                        },
                    )
                    .await
            }
        };
        let answer = self.inner.change(send, |a| unknown(&a.results)).await?;
        Ok(items(&answer.results))
    }

    /// Gives up copies or moves that were started.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be given up all the same.
    pub async fn transfer_revoke(&self, kind: TransferKind, keys: &[Bytes]) -> Result<Items<()>> {
        let send = |header| {
            let request = self.batch(header, keys);
            async move {
                self.inner
                    .call(
                        "transfer revoke",
                        keys.len(),
                        &request,
                        move |mut stub, r| async move {
                            match kind {
                                TransferKind::Copy => stub.batch_copy_revoke(r).await,
                                TransferKind::Move => stub.batch_move_revoke(r).await,
                            }
                        },
                    )
                    .await
            }
        };
        let answer = self.inner.change(send, |a| unknown(&a.results)).await?;
        Ok(items(&answer.results))
    }

    /// Copies or moves objects in one go, for those who keep metadata only: start and end.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be copied or moved all the same.
    pub async fn transfer(
        &self,
        kind: TransferKind,
        keys: &[Bytes],
        from: Option<SegmentId>,
        to: &[SegmentId],
    ) -> Result<Items<Transferring>> {
        let mut started = self.transfer_start(kind, keys, from, to).await?;
        let open = keys.iter().zip(&started).filter(|(_, start)| start.is_ok());
        let open: Vec<_> = open.map(|(key, _)| key.clone()).collect();
        let mut ends = self.transfer_end(kind, &open).await?.into_iter();
        for start in started.iter_mut().filter(|start| start.is_ok()) {
            if let Err(refusal) = ends.next().unwrap_or_else(no_result) {
                *start = Err(refusal);
            }
        }
        Ok(started)
    }

    fn batch(&self, header: v1::RequestHeader, keys: &[Bytes]) -> v1::BatchTransferRequest {
        v1::BatchTransferRequest {
            header: Some(header),
            tenant: self.inner.options.tenant.clone(),
            keys: keys.to_vec(),
        }
    }
}

/// An answer that passes an item over acknowledges nothing.
fn no_result<T>() -> Result<T, Refusal> {
    Err(ErrorCode::InvalidParams.refuse("no result for the item"))
}

fn transferring(
    table: &[Arc<v1::SegmentRef>],
    result: &v1::PutStartResult,
) -> Result<Transferring, Refusal> {
    refused(result.code, &result.message)?;
    let mut places = replicas(table, &result.replicas).into_iter();
    let source = places.next().map_or_else(no_result, Ok)?;
    Ok(Transferring {
        source,
        targets: places.collect(),
    })
}
