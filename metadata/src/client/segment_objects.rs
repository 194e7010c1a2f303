use bytes::Bytes;
use standfast_core::{Refusal, Result};

use super::metadata_client::MetadataClient;
use super::placed::refused;
use crate::names::SegmentId;
use crate::v1;

/// A page of the objects of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSegmentObjects {
    /// In an order of the master's own. May be none at all before the last page.
    pub objects: Vec<SegmentObject>,
    /// What to ask the next page with; `None` when this was the last one.
    pub next: Option<Bytes>,
}

/// An object with a replica in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentObject {
    /// Its tenant.
    pub tenant: String,
    /// Its key.
    pub key: Bytes,
    /// Bytes of the replica.
    pub size: u64,
    /// Whether its put has ended.
    pub complete: bool,
    /// First byte of the replica, from the segment's base on.
    pub address: u64,
}

impl MetadataClient {
    /// A page of the objects with a replica in a segment, whichever tenant they and this client have; from `cursor` on:
    /// `None` for the first page, then what [`ListedSegmentObjects::next`] was. At most `limit` objects; 0, or more than
    /// 1000, counts as 1000. Refused when the segment is not mounted, or not any more.
    ///
    /// Pages hold what those of [`Self::list_objects`] hold: what is there throughout, once. What is still being copied or
    /// moved into the segment is not told.
    ///
    /// # Errors
    /// As all calls. `Invalid` for a cursor that no page ended with.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn list_segment_objects(
        &self,
        segment: SegmentId,
        limit: u32,
        cursor: Option<&Bytes>,
    ) -> Result<Result<ListedSegmentObjects, Refusal>> {
        let request = v1::ListSegmentObjectsRequest {
            segment: Bytes::copy_from_slice(&segment.to_bytes()),
            limit,
            cursor: cursor.cloned().unwrap_or_default(),
        };
        let answer = self
            .inner
            .call(
                "list segment objects",
                0,
                &request,
                |mut stub, r| async move { stub.list_segment_objects(r).await },
            )
            .await?;
        let result = answer.result.unwrap_or_default();
        Ok(refused(result.code, &result.message).map(|()| {
            let objects = answer.objects.into_iter().map(|listed| SegmentObject {
                complete: listed.status() == v1::ObjectStatus::Complete,
                tenant: listed.tenant,
                key: listed.key,
                size: listed.size,
                address: listed.address,
            });
            ListedSegmentObjects {
                objects: objects.collect(),
                next: Some(answer.next).filter(|next| !next.is_empty()),
            }
        }))
    }
}
