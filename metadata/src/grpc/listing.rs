use bytes::Bytes;
use standfast_core::BootInstant;
use tonic::Status;

use super::master::Master;
use super::pattern::pattern_of;
use super::segments::SegmentTable;
use super::status::status;
use crate::key::Target;
use crate::names::SegmentNumber;
use crate::request::{Answer, Cursor, ListObjects, ObjectPage, ObjectRow, Question, SegmentRow};
use crate::v1;

/// The longest page.
pub(super) const PAGE: usize = 1000;

pub(super) fn limit(asked: u32) -> usize {
    match usize::try_from(asked) {
        Ok(asked @ 1..=PAGE) => asked,
        _ => PAGE,
    }
}

/// Where a page begins that is asked for with `cursor`.
pub(super) fn start_of(cursor: &Bytes) -> Result<Cursor, Status> {
    if cursor.is_empty() {
        return Ok(Cursor::default());
    }
    Cursor::from_bytes(cursor).ok_or_else(|| {
        Status::invalid_argument(format!(
            "a cursor of {} bytes that no page ended with: begin again without one",
            cursor.len()
        ))
    })
}

impl Master {
    pub(super) async fn object_page(
        &self,
        request: &v1::ListObjectsRequest,
        deadline: BootInstant,
    ) -> Result<v1::ListObjectsResponse, Status> {
        let pattern = Some(&request.regex).filter(|regex| !regex.is_empty());
        let pattern = pattern.map(|regex| pattern_of(regex)).transpose()?;
        let mut listing = listing(request)?;
        let limit = listing.limit;
        if pattern.is_some() {
            // However few are wanted, many are looked through for them at once.
            listing.limit = PAGE;
        }
        let tenant = listing.prefix.tenant().to_vec();
        let question = Question::ListObjects(listing);
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::Objects(page) = answer else {
            return Err(Status::internal("an answer to another question"));
        };
        let found = self.searches().matching(&tenant, page, pattern, deadline);
        let ObjectPage { objects, next } = found.await?;
        let (objects, next) = first(&tenant, objects, limit, next);
        let mut table = SegmentTable::default();
        let listed = objects.into_iter().map(|row| object(row, &mut table));
        Ok(v1::ListObjectsResponse {
            objects: listed.collect(),
            segments: table.finish(),
            next: Cursor::next_to_bytes(next.as_ref()).into(),
        })
    }

    pub(super) async fn segment_page(
        &self,
        request: v1::ListSegmentsRequest,
        deadline: BootInstant,
    ) -> Result<v1::ListSegmentsResponse, Status> {
        let question = Question::ListSegments {
            from: SegmentNumber(request.from),
            limit: limit(request.limit),
        };
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::SegmentPage(page) = answer else {
            return Err(Status::internal("an answer to another question"));
        };
        Ok(v1::ListSegmentsResponse {
            segments: page.segments.into_iter().map(segment).collect(),
            next: page.next.map(|number| number.0),
        })
    }
}

fn listing(request: &v1::ListObjectsRequest) -> Result<ListObjects, Status> {
    let prefix = Target::new(request.tenant.as_bytes(), &request.prefix);
    prefix
        .check_prefix()
        .map_err(|refusal| Status::invalid_argument(refusal.message))?;
    Ok(ListObjects {
        prefix,
        from: start_of(&request.cursor)?,
        limit: limit(request.limit),
    })
}

/// At most `limit` of the objects, and where the next page begins then.
fn first(
    tenant: &[u8],
    mut objects: Vec<ObjectRow>,
    limit: usize,
    next: Option<Cursor>,
) -> (Vec<ObjectRow>, Option<Cursor>) {
    if objects.len() <= limit {
        return (objects, next);
    }
    objects.truncate(limit);
    let last = objects.last().map(|row| Target::new(tenant, &row.key));
    let next = last.map(|last| Cursor::after(last.bucket(), last.qualified().to_vec()));
    (objects, next)
}

fn object(row: ObjectRow, table: &mut SegmentTable) -> v1::ListedObject {
    let size = row.located.size;
    let replicas = row.located.replicas.iter();
    v1::ListedObject {
        key: row.key.into(),
        size,
        status: object_status(row.complete) as i32,
        checksum: row.located.checksum,
        replicas: replicas.map(|found| table.replica(found, size)).collect(),
        group: row.traits.group,
        hard_pin: row.traits.hard_pin,
        soft_pin_ms: row.traits.soft_pin_ms,
    }
}

pub(super) const fn object_status(complete: bool) -> v1::ObjectStatus {
    if complete {
        v1::ObjectStatus::Complete
    } else {
        v1::ObjectStatus::Processing
    }
}

fn segment(row: SegmentRow) -> v1::ListedSegment {
    let info = row.info;
    v1::ListedSegment {
        segment: Some(v1::Segment {
            id: Bytes::copy_from_slice(&info.id.to_bytes()),
            incarnation: info.incarnation,
            name: info.name.clone(),
            endpoint: info.endpoint.clone(),
            base: info.base,
            size: info.size,
            protocol: info.protocol.clone(),
        }),
        status: row.status as i32,
        used: row.used,
    }
}
