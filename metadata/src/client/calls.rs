use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Refusal, Result};

use super::inner::unknown_client;
use super::metadata_client::MetadataClient;
use super::placed::{Placed, refused, replicas};
use crate::v1;
use crate::v1::ErrorCode;

/// What became of each item.
pub type Items<T> = Vec<Result<T, Refusal>>;

pub(super) fn items(results: &[v1::ItemResult]) -> Items<()> {
    let item = |result: &v1::ItemResult| refused(result.code, &result.message);
    results.iter().map(item).collect()
}

pub(super) fn unknown(results: &[v1::ItemResult]) -> bool {
    unknown_client(results.iter().map(|result| result.code))
}

impl MetadataClient {
    /// Where objects lie; grants read leases. `Ok(None)` for one that is not there or not written yet.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn get_replicas(&self, keys: &[Bytes]) -> Result<Items<Option<Placed>>> {
        let request = v1::BatchGetReplicaListRequest {
            tenant: self.inner.options.tenant.clone(),
            keys: keys.to_vec(),
            client: self.inner.session.client(),
        };
        let answer = self
            .inner
            .call(
                "get replica list",
                keys.len(),
                &request,
                |mut stub, r| async move { stub.batch_get_replica_list(r).await },
            )
            .await?;
        let table: Vec<_> = answer.segments.into_iter().map(Arc::new).collect();
        let placed = |result: &v1::ReplicaListResult| match result.code() {
            ErrorCode::ObjectNotFound | ErrorCode::ReplicaIsNotReady => Ok(None),
            _ => refused(result.code, &result.message).map(|()| {
                Some(Placed {
                    checksum: result.checksum,
                    replicas: replicas(&table, &result.replicas),
                })
            }),
        };
        Ok(answer.results.iter().map(placed).collect())
    }

    /// Whether objects can be read; grants read leases.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn exists(&self, keys: &[Bytes]) -> Result<Items<bool>> {
        let request = v1::BatchExistKeyRequest {
            tenant: self.inner.options.tenant.clone(),
            keys: keys.to_vec(),
            client: self.inner.session.client(),
        };
        let answer = self
            .inner
            .call(
                "exist key",
                keys.len(),
                &request,
                |mut stub, r| async move { stub.batch_exist_key(r).await },
            )
            .await?;
        let exists = |r: &v1::ExistResult| refused(r.code, &r.message).map(|()| r.exists);
        Ok(answer.results.iter().map(exists).collect())
    }

    /// Removes objects; `force` even those that are leased or being written.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be removed all the same.
    pub async fn remove(&self, keys: &[Bytes], force: bool) -> Result<Items<()>> {
        let send = |header| {
            let request = v1::BatchRemoveRequest {
                header: Some(header),
                tenant: self.inner.options.tenant.clone(),
                keys: keys.to_vec(),
                force,
            };
            async move {
                self.inner
                    .call("remove", keys.len(), &request, |mut stub, r| async move {
                        stub.batch_remove(r).await
                    })
                    .await
            }
        };
        let answer = self.inner.change(send, |a| unknown(&a.results)).await?;
        Ok(items(&answer.results))
    }

    /// Gives up puts that were started.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be given up all the same.
    pub async fn put_revoke(&self, keys: &[Bytes]) -> Result<Items<()>> {
        let send = |header| {
            let request = v1::BatchPutRevokeRequest {
                header: Some(header),
                tenant: self.inner.options.tenant.clone(),
                keys: keys.to_vec(),
            };
            async move {
                self.inner
                    .call(
                        "put revoke",
                        keys.len(),
                        &request,
                        |mut stub, r| async move { stub.batch_put_revoke(r).await },
                    )
                    .await
            }
        };
        let answer = self.inner.change(send, |a| unknown(&a.results)).await?;
        Ok(items(&answer.results))
    }
}
