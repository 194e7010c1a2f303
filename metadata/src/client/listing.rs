use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Error, ErrorKind, Result};

use super::metadata_client::MetadataClient;
use super::placed::{ReplicaAt, replicas};
use crate::names::SegmentId;
use crate::request::{SegmentInfo, Traits};
use crate::v1;

/// A page of objects.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedObjects {
    /// In an order of the master's own. May be none at all before the last page.
    pub objects: Vec<ListedObject>,
    /// What to ask the next page with; `None` when this was the last one.
    pub next: Option<Bytes>,
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedObject {
    /// Its key.
    pub key: Bytes,
    /// Bytes of each replica.
    pub size: u64,
    /// Whether its put has ended.
    pub complete: bool,
    /// As its writer gave it; `None` before its put has ended.
    pub checksum: Option<u64>,
    /// At least one.
    pub replicas: Vec<ReplicaAt>,
    /// Its group and pins.
    pub traits: Traits,
}

/// A segment of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSegment {
    /// What is lent.
    pub info: SegmentInfo,
    /// What the master says of it.
    pub status: v1::SegmentStatus,
    /// Bytes that are allocated, or held back until nobody can be writing there any more.
    pub used: u64,
}

impl MetadataClient {
    /// A page of the tenant's objects whose keys begin with `prefix`, from `cursor` on: `None` for the first page,
    /// then what [`ListedObjects::next`] was. At most `limit` objects; 0, or more than 1000, counts as 1000.
    ///
    /// Grants no leases. Each page is one instant of what is committed. An object that is there from the first
    /// page to the last is told exactly once, whatever is put and removed meanwhile, and whoever leads.
    ///
    /// # Errors
    /// As all calls. `Invalid` for a prefix longer than a key, and for a cursor that no page ended with.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn list_objects(
        &self,
        prefix: &[u8],
        limit: u32,
        cursor: Option<&Bytes>,
    ) -> Result<ListedObjects> {
        self.list_matching(prefix, "", limit, cursor).await
    }

    /// As [`Self::list_objects`], of those objects only whose keys also match a regular expression (syntax of the `regex`
    /// crate), anywhere unless it is anchored; all match an empty one.
    ///
    /// # Errors
    /// As all calls. `Invalid` also for a regular expression that is wrong or too large.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn list_matching(
        &self,
        prefix: &[u8],
        regex: &str,
        limit: u32,
        cursor: Option<&Bytes>,
    ) -> Result<ListedObjects> {
        let request = v1::ListObjectsRequest {
            tenant: self.inner.options.tenant.clone(),
            prefix: Bytes::copy_from_slice(prefix),
            limit,
            cursor: cursor.cloned().unwrap_or_default(),
            regex: regex.to_owned(),
        };
        let answer = self
            .inner
            .call("list objects", 0, &request, |mut stub, r| async move {
                stub.list_objects(r).await
            })
            .await?;
        let table: Vec<_> = answer.segments.into_iter().map(Arc::new).collect();
        let objects = answer.objects.into_iter().map(|listed| ListedObject {
            size: listed.size,
            complete: listed.status() == v1::ObjectStatus::Complete,
            checksum: listed.checksum,
            replicas: replicas(&table, &listed.replicas),
            traits: Traits {
                group: listed.group,
                hard_pin: listed.hard_pin,
                soft_pin_ms: listed.soft_pin_ms,
            },
            key: listed.key,
        });
        Ok(ListedObjects {
            objects: objects.collect(),
            next: Some(answer.next).filter(|next| !next.is_empty()),
        })
    }

    /// All segments that are lent to the master, in the order in which they were mounted.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn list_segments(&self) -> Result<Vec<ListedSegment>> {
        let mut segments = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            let request = v1::ListSegmentsRequest { limit: 0, from };
            let answer = self
                .inner
                .call("list segments", 0, &request, |mut stub, r| async move {
                    stub.list_segments(r).await
                })
                .await?;
            for listed in answer.segments {
                segments.push(segment(listed).ok_or_else(|| {
                    Error::new(ErrorKind::Version, "list segments")
                        .context("a segment without a name this version understands")
                })?);
            }
            next = answer.next;
        }
        Ok(segments)
    }
}

fn segment(listed: v1::ListedSegment) -> Option<ListedSegment> {
    let status = listed.status();
    let segment = listed.segment?;
    Some(ListedSegment {
        status,
        info: SegmentInfo {
            id: SegmentId::from_bytes(&segment.id)?,
            incarnation: segment.incarnation,
            name: segment.name,
            endpoint: segment.endpoint,
            base: segment.base,
            size: segment.size,
            protocol: segment.protocol,
        },
        used: listed.used,
    })
}
