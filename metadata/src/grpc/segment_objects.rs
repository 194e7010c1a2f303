use standfast_core::BootInstant;
use tonic::Status;

use super::listing::{limit, object_status, start_of};
use super::master::Master;
use super::status::status;
use super::tenants::text;
use super::wire;
use crate::request::{Answer, Cursor, ListSegmentObjects, Question, SegmentObjectRow};
use crate::v1;

impl Master {
    pub(super) async fn segment_object_page(
        &self,
        request: &v1::ListSegmentObjectsRequest,
        deadline: BootInstant,
    ) -> Result<v1::ListSegmentObjectsResponse, Status> {
        let question = Question::ListSegmentObjects(ListSegmentObjects {
            segment: wire::segment_id(&request.segment)?,
            from: start_of(&request.cursor)?,
            limit: limit(request.limit),
        });
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::SegmentObjects(answer) = answer else {
            return Err(Status::internal("an answer to another question"));
        };
        Ok(match answer {
            Ok(page) => v1::ListSegmentObjectsResponse {
                result: Some(v1::ItemResult::default()),
                objects: page.objects.into_iter().map(told).collect(),
                next: Cursor::next_to_bytes(page.next.as_ref()).into(),
            },
            Err(refusal) => v1::ListSegmentObjectsResponse {
                result: Some(wire::item(Err(refusal))),
                ..v1::ListSegmentObjectsResponse::default()
            },
        })
    }
}

fn told(row: SegmentObjectRow) -> v1::SegmentObject {
    v1::SegmentObject {
        tenant: text(&row.tenant),
        key: row.key.into(),
        size: row.size,
        status: object_status(row.complete) as i32,
        address: row.address,
    }
}
