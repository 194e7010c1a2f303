use standfast_core::{Bucket, DecideContext, Section};

use super::machine::MetadataService;
use crate::key::ObjectKey;
use crate::names::SegmentNumber;
use crate::request::{Cursor, ListObjects, ObjectPage, ObjectRow, SegmentPage, SegmentRow};
use crate::state::{Object, Progress};

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
        let mut page = ObjectPage::default();
        let mut behind = listing.from.key().map(ObjectKey::of);
        let mut looked = 0;
        for index in listing.from.bucket().index()..Bucket::COUNT {
            let bucket = Bucket::at(index);
            if looked >= ENOUGH || page.objects.len() >= listing.limit {
                page.next = Some(Cursor::of_bucket(bucket));
                return page;
            }
            context.look(Section::of_bucket(bucket));
            let room = listing.limit - page.objects.len();
            let objects = self.tables.bucket(bucket).inspect(|_| looked += 1);
            let wanted = objects.filter(|(key, object)| {
                behind.as_ref().is_none_or(|behind| *key > behind)
                    && key.starts_with(listing.prefix.qualified())
                    && self.tables.is_there(object)
            });
            let (found, left) = first(wanted.collect(), room);
            behind = None;
            let rows = found.iter().map(|found| self.object_row(listing, *found));
            page.objects.extend(rows);
            if let Some((last, _)) = found.last().filter(|_| left) {
                page.next = Some(Cursor::after(bucket, last.qualified()));
                return page;
            }
        }
        page
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
