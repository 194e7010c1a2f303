use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Refusal, Result};

use super::inner::Inner;
use super::metadata_client::MetadataClient;
use super::placed::refused;
use crate::request::{ReMounted, SegmentInfo, Traits};
use crate::v1;

/// An object that lies in a segment, as the segment's client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldObject {
    /// The tenant its key belongs to; empty: `default`.
    pub tenant: String,
    /// Its key.
    pub key: Bytes,
    /// Address of its first byte.
    pub address: u64,
    /// Its bytes, all of which were written.
    pub size: u64,
    /// As its writer gave it. With it the object is known to be the same as one that was put elsewhere meanwhile.
    pub checksum: Option<u64>,
    /// Its group and pins.
    pub traits: Traits,
}

/// Who knows which objects lie in a segment.
pub trait Holdings: Debug + Send + Sync {
    /// All complete objects of the segment at this moment. Asked when the master has forgotten the segment; must not
    /// block.
    fn held(&self) -> Vec<HeldObject>;
}

/// A segment that a client lends.
#[derive(Clone, Debug)]
pub(super) struct Lent {
    pub(super) segment: v1::Segment,
    pub(super) holdings: Option<Arc<dyn Holdings>>,
}

impl MetadataClient {
    /// Lends a segment, and goes on lending it until it is unmounted: after an expiry it is mounted again, empty, and its
    /// memory is held back for `put_start_release`, because others may still be reading and writing there. An incarnation
    /// that the master has known is not new to it either: who can shut those out lends a new one.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// The segment may be mounted all the same.
    pub async fn mount_segment(&self, info: &SegmentInfo) -> Result<Result<(), Refusal>> {
        self.lend(info, None).await
    }

    /// As [`Self::mount_segment`]; after an expiry the objects that `holdings` tells are there again.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// The segment may be mounted all the same.
    pub async fn mount_holding(
        &self,
        info: &SegmentInfo,
        holdings: Arc<dyn Holdings>,
    ) -> Result<Result<(), Refusal>> {
        self.lend(info, Some(holdings)).await
    }

    /// Lends a segment that the master has forgotten, in the same incarnation, with the objects that still lie in it. A
    /// segment that is mounted stays as it is. Memory that is not named is held back for `put_start_release`: who can shut
    /// out those who wrote there before mounts a new incarnation instead.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// The segment may be mounted all the same, in part: nothing is allocated in it then, and the next ping mounts it
    /// again if it was lent with its holdings.
    pub async fn remount_segment(
        &self,
        info: &SegmentInfo,
        held: &[HeldObject],
    ) -> Result<Result<ReMounted, Refusal>> {
        let segment = of(info);
        let told = self.inner.remount_held(&segment, held).await?;
        if told.is_ok() {
            let holdings = self.inner.holdings(&segment);
            self.inner.lends(Lent { segment, holdings });
        }
        Ok(told)
    }

    async fn lend(
        &self,
        info: &SegmentInfo,
        holdings: Option<Arc<dyn Holdings>>,
    ) -> Result<Result<(), Refusal>> {
        let segment = of(info);
        let ticket = self.inner.session.begin().await;
        let segments = vec![segment.clone()];
        let results = self.inner.mount(ticket.header(), segments).await?;
        let result = results.into_iter().next().unwrap_or(Ok(()));
        if result.is_ok() {
            self.inner.lends(Lent { segment, holdings });
        }
        Ok(result)
    }
}

impl Inner {
    fn holdings(&self, segment: &v1::Segment) -> Option<Arc<dyn Holdings>> {
        let lending = self.lent.lock();
        let lent = lending
            .segments
            .iter()
            .find(|lent| lent.segment.id == segment.id);
        lent.and_then(|lent| lent.holdings.clone())
    }

    /// Mounts a segment again with what lies in it.
    pub(super) async fn remount_held(
        &self,
        segment: &v1::Segment,
        held: &[HeldObject],
    ) -> Result<Result<ReMounted, Refusal>> {
        let ticket = self.session.begin().await;
        let request = v1::ReMountSegmentRequest {
            header: Some(ticket.header()),
            segment: Some(segment.clone()),
            objects: held.iter().map(told).collect(),
        };
        let answer = self
            .call(
                "remount segment",
                held.len(),
                &request,
                |mut stub, r| async move { stub.re_mount_segment(r).await },
            )
            .await?;
        let result = answer.result.unwrap_or_default();
        Ok(refused(result.code, &result.message).map(|()| ReMounted {
            restored: answer.restored,
            superseded: answer.superseded,
        }))
    }
}

fn of(info: &SegmentInfo) -> v1::Segment {
    v1::Segment {
        id: Bytes::copy_from_slice(&info.id.to_bytes()),
        incarnation: info.incarnation,
        name: info.name.clone(),
        endpoint: info.endpoint.clone(),
        base: info.base,
        size: info.size,
        protocol: info.protocol.clone(),
    }
}

fn told(held: &HeldObject) -> v1::HeldObject {
    v1::HeldObject {
        tenant: held.tenant.clone(),
        key: held.key.clone(),
        address: held.address,
        size: held.size,
        checksum: held.checksum,
        group: held.traits.group.clone(),
        hard_pin: held.traits.hard_pin,
        soft_pin_ms: held.traits.soft_pin_ms,
    }
}
