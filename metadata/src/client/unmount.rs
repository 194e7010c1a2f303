use std::time::Duration;

use bytes::Bytes;
use standfast_core::{Refusal, Result};

use super::calls::{items, unknown};
use super::metadata_client::MetadataClient;
use crate::names::SegmentId;
use crate::v1;

impl MetadataClient {
    /// Takes a segment back.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// The segment may be unmounted all the same.
    pub async fn unmount_segment(&self, id: SegmentId) -> Result<Result<(), Refusal>> {
        let id = Bytes::copy_from_slice(&id.to_bytes());
        self.inner.lends_no_more(&id);
        let send = |header| {
            let request = v1::UnmountSegmentRequest {
                header: Some(header),
                ids: vec![id.clone()],
            };
            async move {
                self.inner
                    .call("unmount segment", 1, &request, |mut stub, r| async move {
                        stub.unmount_segment(r).await
                    })
                    .await
            }
        };
        let answer = self.inner.change(send, |a| unknown(&a.results)).await?;
        Ok(items(&answer.results).into_iter().next().unwrap_or(Ok(())))
    }

    /// Takes a segment back after a time of grace: nothing is allocated in it from here on, and it is read until the grace
    /// is over, whoever leads by then. The client must live as long, else it is gone when the client expires.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// The segment may be unmounted all the same.
    pub async fn unmount_gracefully(
        &self,
        id: SegmentId,
        grace: Duration,
    ) -> Result<Result<(), Refusal>> {
        let id = Bytes::copy_from_slice(&id.to_bytes());
        self.inner.lends_no_more(&id);
        self.send_graceful_unmount(id, grace, false).await
    }

    /// As [`Self::unmount_gracefully`], whoever lends the segment: for operators. As long as its client lives, that can lend
    /// it only as a new incarnation.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// The segment may be unmounted all the same.
    pub async fn dismiss_segment(
        &self,
        id: SegmentId,
        grace: Duration,
    ) -> Result<Result<(), Refusal>> {
        let id = Bytes::copy_from_slice(&id.to_bytes());
        self.send_graceful_unmount(id, grace, true).await
    }

    async fn send_graceful_unmount(
        &self,
        id: Bytes,
        grace: Duration,
        force: bool,
    ) -> Result<Result<(), Refusal>> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        let send = |header| {
            let request = v1::GracefulUnmountSegmentRequest {
                header: Some(header),
                ids: vec![id.clone()],
                grace_ms,
                force,
            };
            async move {
                self.inner
                    .call("unmount segment", 1, &request, |mut stub, r| async move {
                        stub.graceful_unmount_segment(r).await
                    })
                    .await
            }
        };
        let answer = self.inner.change(send, |a| unknown(&a.results)).await?;
        Ok(items(&answer.results).into_iter().next().unwrap_or(Ok(())))
    }
}
