use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Refusal, Result};

use super::calls::Items;
use super::inner::unknown_client;
use super::metadata_client::MetadataClient;
use super::placed::{Placed, refused, replicas};
use crate::request::Placement;
use crate::v1;
use crate::v1::ErrorCode;

/// An object to be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutObject {
    /// Its key.
    pub key: Bytes,
    /// Its bytes.
    pub size: u64,
    /// Of its bytes, if the writer computed one.
    pub checksum: Option<u64>,
}

/// How a put is started.
#[derive(Clone, Copy, Debug)]
enum Start {
    Put,
    Upsert,
}

impl Start {
    const fn name(self) -> &'static str {
        match self {
            Self::Put => "put start",
            Self::Upsert => "upsert start",
        }
    }
}

/// A put that a failover lost is started again so often.
const STARTS: usize = 4;

impl MetadataClient {
    /// Starts puts: allocates where the objects are to be written.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be started all the same; a put that is not ended is discarded in time.
    pub async fn put_start(
        &self,
        objects: &[PutObject],
        placement: &Placement,
    ) -> Result<Items<Placed>> {
        self.start(objects, placement, Start::Put).await
    }

    /// Starts puts of objects that may be there already: these are written again, and cannot be read until their puts
    /// have ended. A put that is revoked, or never ended, leaves nothing of the object.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be started all the same.
    pub async fn upsert_start(
        &self,
        objects: &[PutObject],
        placement: &Placement,
    ) -> Result<Items<Placed>> {
        self.start(objects, placement, Start::Upsert).await
    }

    async fn start(
        &self,
        objects: &[PutObject],
        placement: &Placement,
        start: Start,
    ) -> Result<Items<Placed>> {
        let config = v1::PutConfig {
            replicas: placement.replicas,
            preferred_segments: placement.preferred.clone(),
            group: placement.group.clone(),
            hard_pin: placement.hard_pin,
            soft_pin_ms: placement.soft_pin_ms,
        };
        let send = |header| {
            let request = v1::BatchPutStartRequest {
                header: Some(header),
                tenant: self.inner.options.tenant.clone(),
                keys: objects.iter().map(|object| object.key.clone()).collect(),
                sizes: objects.iter().map(|object| object.size).collect(),
                config: Some(config.clone()),
            };
            async move {
                self.inner
                    .call(
                        start.name(),
                        objects.len(),
                        &request,
                        move |mut stub, r| async move {
                            match start {
                                Start::Put => stub.batch_put_start(r).await,
                                Start::Upsert => stub.batch_upsert_start(r).await,
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
        let placed = |result: &v1::PutStartResult| {
            refused(result.code, &result.message).map(|()| Placed {
                checksum: None,
                replicas: replicas(&table, &result.replicas),
            })
        };
        Ok(answer.results.iter().map(placed).collect())
    }

    /// Ends puts: the objects were written and can be read from here on.
    ///
    /// An item refused with `ObjectNotFound` was started under a primary that is gone: start it again, and write
    /// where the new answer says.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be ended all the same.
    pub async fn put_end(&self, objects: &[PutObject]) -> Result<Items<()>> {
        // Checksums are given for all or for none on the wire; a batch with some is sent in two.
        let with: Vec<_> = objects.iter().filter(|o| o.checksum.is_some()).collect();
        let without: Vec<_> = objects.iter().filter(|o| o.checksum.is_none()).collect();
        let mut with_results = self.send_ends(&with).await?.into_iter();
        let mut without_results = self.send_ends(&without).await?.into_iter();
        let missing = || Err(ErrorCode::InvalidParams.refuse("no result for the item"));
        let result = |object: &PutObject| {
            let results = if object.checksum.is_some() {
                &mut with_results
            } else {
                &mut without_results
            };
            results.next().unwrap_or_else(missing)
        };
        Ok(objects.iter().map(result).collect())
    }

    async fn send_ends(&self, objects: &[&PutObject]) -> Result<Items<()>> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let send = |header| {
            let request = v1::BatchPutEndRequest {
                header: Some(header),
                tenant: self.inner.options.tenant.clone(),
                keys: objects.iter().map(|object| object.key.clone()).collect(),
                checksums: objects
                    .iter()
                    .filter_map(|object| object.checksum)
                    .collect(),
            };
            async move {
                self.inner
                    .call(
                        "put end",
                        objects.len(),
                        &request,
                        |mut stub, r| async move { stub.batch_put_end(r).await },
                    )
                    .await
            }
        };
        let unknown = |answer: &v1::BatchPutEndResponse| {
            unknown_client(answer.results.iter().map(|result| result.code))
        };
        let answer = self.inner.change(send, unknown).await?;
        let item = |result: &v1::ItemResult| refused(result.code, &result.message);
        Ok(answer.results.iter().map(item).collect())
    }

    /// Puts objects in one go, for those who keep metadata only: start and end, and again from the start for those
    /// whose start a failover has lost.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be put all the same.
    pub async fn put(&self, objects: &[PutObject], placement: &Placement) -> Result<Items<Placed>> {
        self.start_and_end(objects, placement, Start::Put).await
    }

    /// As [`Self::put`], of objects that may be there already and are then written again.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// They may be put all the same.
    pub async fn upsert(
        &self,
        objects: &[PutObject],
        placement: &Placement,
    ) -> Result<Items<Placed>> {
        self.start_and_end(objects, placement, Start::Upsert).await
    }

    async fn start_and_end(
        &self,
        objects: &[PutObject],
        placement: &Placement,
        start: Start,
    ) -> Result<Items<Placed>> {
        let mut results: Vec<Option<Result<Placed, Refusal>>> = vec![None; objects.len()];
        // An answer that passes an item over acknowledges nothing.
        let no_end = || Err(ErrorCode::InvalidParams.refuse("no result for the item"));
        let mut open: Vec<usize> = (0..objects.len()).collect();
        for _ in 0..STARTS {
            let these: Vec<_> = open
                .iter()
                .filter_map(|at| objects.get(*at))
                .cloned()
                .collect();
            let starts = self.start(&these, placement, start).await?;
            let started: Vec<_> = open.iter().zip(&these).zip(starts).collect();
            let to_end: Vec<_> = started
                .iter()
                .filter(|(_, start)| start.is_ok())
                .map(|((_, object), _)| (*object).clone())
                .collect();
            let mut ends = self.put_end(&to_end).await?.into_iter();
            let mut lost = Vec::new();
            for ((at, _), start) in started {
                let result = match start {
                    Ok(placed) => ends.next().unwrap_or_else(no_end).map(|()| placed),
                    Err(refusal) => Err(refusal),
                };
                let is_lost = result
                    .as_ref()
                    .is_err_and(|refusal| ErrorCode::of(refusal) == ErrorCode::ObjectNotFound);
                if is_lost {
                    lost.push(*at);
                }
                if let Some(slot) = results.get_mut(*at) {
                    *slot = Some(result);
                }
            }
            open = lost;
            if open.is_empty() {
                break;
            }
        }
        let no_start = || Err(ErrorCode::InvalidParams.refuse("no result for the item"));
        Ok(results
            .into_iter()
            .map(|r| r.unwrap_or_else(no_start))
            .collect())
    }
}
