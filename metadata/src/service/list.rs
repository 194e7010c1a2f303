use standfast_core::{Bucket, DecideContext, Refusal, Section};

use super::machine::MetadataService;
use crate::key::ObjectKey;
use crate::names::SegmentNumber;
use crate::request::{
    Cursor, ListObjects, ListSegmentObjects, ObjectPage, ObjectRow, Place, SegmentObjectPage,
    SegmentObjectRow, SegmentPage, SegmentRow,
};
use crate::state::{Object, Progress};
use crate::v1::ErrorCode;

/// A page of objects ends with the bucket in which it has looked at so many: while it looks, nothing else is
/// decided. A bucket is looked at as a whole, because it has no order to go on from.
const ENOUGH: usize = 16_384;

type Keyed<'a> = (&'a ObjectKey, &'a Object);

impl MetadataService {
    /// The objects from a cursor on. Grants no leases, and is no sign of life.
    pub(super) fn list_objects(
        &self,
        context: &mut DecideContext<'_>,
        listing: &ListObjects,
    ) -> ObjectPage {
        context.wait_for(self.tables.membership());
        let wanted = |key: &ObjectKey, object: &Object| {
            key.starts_with(listing.prefix.qualified()) && self.tables.is_there(object)
        };
        let (found, next) = self.page(context, &listing.from, listing.limit, wanted);
        let rows = found
            .into_iter()
            .map(|found| self.object_row(listing, found));
        ObjectPage {
            objects: rows.collect(),
            next,
        }
    }

    /// The objects of a segment from a cursor on. As [`Self::list_objects`] it looks at all objects: an index by segment
    /// would cost each of millions of them some 30 bytes.
    pub(super) fn list_segment_objects(
        &self,
        context: &mut DecideContext<'_>,
        listing: &ListSegmentObjects,
    ) -> Result<SegmentObjectPage, Refusal> {
        context.wait_for(self.tables.membership());
        let id = listing.segment;
        let segment = self.tables.segment_by_id(id).ok_or_else(|| {
            ErrorCode::SegmentNotFound.refuse(format!("segment {id} is not mounted"))
        })?;
        let here = |place: &Place| place.segment == segment.number;
        let there = |object: &Object| object.replicas.iter().find(here);
        let wanted = |_: &ObjectKey, object: &Object| there(object).is_some();
        let (found, next) = self.page(context, &listing.from, listing.limit, wanted);
        let rows = found.into_iter().filter_map(|(key, object)| {
            let tenant = key.tenant().to_vec();
            Some(SegmentObjectRow {
                key: key.qualified().split_off(tenant.len() + 1),
                tenant,
                size: object.size,
                complete: matches!(object.progress, Progress::Complete(_)),
                address: segment.info.base + there(object)?.offset,
            })
        });
        Ok(SegmentObjectPage {
            objects: rows.collect(),
            next,
        })
    }

    /// At most `limit` of the objects from a cursor on that are `wanted`, and where the next page begins.
    fn page<'a>(
        &'a self,
        context: &mut DecideContext<'_>,
        from: &Cursor,
        limit: usize,
        wanted: impl Fn(&ObjectKey, &Object) -> bool,
    ) -> (Vec<Keyed<'a>>, Option<Cursor>) {
        let mut page = Vec::new();
        let mut behind = from.key().map(ObjectKey::of);
        let mut looked = 0;
        for index in from.bucket().index()..Bucket::COUNT {
            let bucket = Bucket::at(index);
            if looked >= ENOUGH || page.len() >= limit {
                return (page, Some(Cursor::of_bucket(bucket)));
            }
            context.look(Section::of_bucket(bucket));
            let objects = self.tables.bucket(bucket).inspect(|_| looked += 1);
            let ahead = objects.filter(|(key, object)| {
                behind.as_ref().is_none_or(|behind| *key > behind) && wanted(key, object)
            });
            let (found, left) = first(ahead.collect(), limit - page.len());
            behind = None;
            page.extend(found);
            if left && let Some((last, _)) = page.last() {
                let next = Cursor::after(bucket, last.qualified());
                return (page, Some(next));
            }
        }
        (page, None)
    }

    fn object_row(&self, listing: &ListObjects, (key, object): Keyed<'_>) -> ObjectRow {
        ObjectRow {
            key: key.qualified().split_off(listing.prefix.before_key()),
            complete: matches!(object.progress, Progress::Complete(_)),
            located: self.located(object),
            traits: object.replicas.traits().clone(),
        }
    }

    /// The mounted segments from a number on. What of them is used depends on every object.
    pub(super) fn list_segments(
        &self,
        context: &mut DecideContext<'_>,
        from: SegmentNumber,
        limit: usize,
    ) -> SegmentPage {
        context.look_everywhere();
        let mut segments = self.tables.segments().range(from..);
        let rows = segments
            .by_ref()
            .take(limit)
            .map(|(_, segment)| SegmentRow {
                info: std::sync::Arc::clone(&segment.info),
                status: segment.status.shown(),
                used: segment.space.used(),
            });
        SegmentPage {
            segments: rows.collect(),
            next: segments.next().map(|(number, _)| *number),
        }
    }
}

/// The first `room` of them by key, in order; and whether there are more.
fn first(mut found: Vec<Keyed<'_>>, room: usize) -> (Vec<Keyed<'_>>, bool) {
    let left = found.len() > room;
    if left {
        found.select_nth_unstable_by(room, |(a, _), (b, _)| a.cmp(b));
        found.truncate(room);
    }
    found.sort_unstable_by_key(|(key, _)| *key);
    (found, left)
}
