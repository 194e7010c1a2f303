use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use standfast_core::Epoch;

use crate::names::SegmentNumber;
use crate::request::{Found, SegmentInfo};
use crate::v1;

/// What segment numbers stand for, as far as it was asked. A committed number never changes its meaning, so what
/// is here stays true for the term; another term begins with nothing.
#[derive(Debug, Default)]
pub(super) struct KnownSegments(RwLock<(Option<Epoch>, Infos)>);

type Infos = HashMap<SegmentNumber, Arc<SegmentInfo>>;

impl KnownSegments {
    /// Those of `numbers` that are known in this term.
    pub(super) fn get(
        &self,
        epoch: Option<Epoch>,
        numbers: &[SegmentNumber],
    ) -> Vec<Option<Arc<SegmentInfo>>> {
        let known = self.0.read();
        let of = |number| known.1.get(number).filter(|_| known.0 == epoch).cloned();
        numbers.iter().map(of).collect()
    }

    /// Keeps what was asked in this term.
    pub(super) fn put(&self, epoch: Option<Epoch>, number: SegmentNumber, info: Arc<SegmentInfo>) {
        let mut known = self.0.write();
        if known.0 != epoch {
            *known = (epoch, HashMap::new());
        }
        known.1.insert(number, info);
    }
}

/// The segments that a response refers to by index.
#[derive(Debug, Default)]
pub(super) struct SegmentTable(Vec<Arc<SegmentInfo>>);

impl SegmentTable {
    /// A replica in terms of this table.
    pub(super) fn replica(&mut self, found: &Found, size: u64) -> v1::Replica {
        let info = &found.segment;
        let known = self.0.iter().rposition(|other| Arc::ptr_eq(other, info));
        let index = known.unwrap_or_else(|| {
            self.0.push(Arc::clone(info));
            self.0.len() - 1
        });
        v1::Replica {
            segment: u32::try_from(index).unwrap_or(u32::MAX),
            address: info.base + found.offset,
            size,
        }
    }

    pub(super) fn finish(self) -> Vec<v1::SegmentRef> {
        let reference = |info: Arc<SegmentInfo>| v1::SegmentRef {
            id: Bytes::copy_from_slice(&info.id.to_bytes()),
            name: info.name.clone(),
            endpoint: info.endpoint.clone(),
            protocol: info.protocol.clone(),
        };
        self.0.into_iter().map(reference).collect()
    }
}
