use std::ops::Range;

use bytes::Bytes;
use standfast_core::{BootInstant, Refusal};
use tonic::Status;

use super::calls::{lengths, targets};
use super::master::Master;
use super::segments::SegmentTable;
use super::wire;
use crate::request::{Answer, Located, Question};
use crate::v1;

impl Master {
    pub(super) async fn locate(
        &self,
        request: &v1::BatchGetReplicaListRequest,
        deadline: BootInstant,
    ) -> Result<v1::BatchGetReplicaListResponse, Status> {
        let client = wire::client_id(&request.client)?;
        let keys: &[Bytes] = &request.keys;
        let question = |piece: Range<usize>| Question::Locate {
            client,
            targets: targets(&request.tenant, keys, piece),
        };
        let answers = self.ask_all(deadline, lengths(keys), question).await?;
        let mut table = SegmentTable::default();
        let mut response = v1::BatchGetReplicaListResponse::default();
        for answer in answers {
            let Answer::Located { objects, lease_ms } = answer else {
                return Err(Status::internal("an answer to another question"));
            };
            response.lease_ms = lease_ms;
            let results = objects.into_iter().map(|found| located(found, &mut table));
            response.results.extend(results);
        }
        response.segments = table.finish();
        Ok(response)
    }

    pub(super) async fn exist(
        &self,
        request: &v1::BatchExistKeyRequest,
        deadline: BootInstant,
    ) -> Result<Vec<v1::ExistResult>, Status> {
        let client = wire::client_id(&request.client)?;
        let keys: &[Bytes] = &request.keys;
        let question = |piece: Range<usize>| Question::Exist {
            client,
            targets: targets(&request.tenant, keys, piece),
        };
        let answers = self.ask_all(deadline, lengths(keys), question).await?;
        let mut results = Vec::with_capacity(keys.len());
        for answer in answers {
            let Answer::Exist(exist) = answer else {
                return Err(Status::internal("an answer to another question"));
            };
            results.extend(exist.into_iter().map(exists));
        }
        Ok(results)
    }
}

fn located(found: Result<Located, Refusal>, table: &mut SegmentTable) -> v1::ReplicaListResult {
    match found {
        Ok(object) => v1::ReplicaListResult {
            size: object.size,
            checksum: object.checksum,
            replicas: object
                .replicas
                .iter()
                .map(|found| table.replica(found, object.size))
                .collect(),
            ..v1::ReplicaListResult::default()
        },
        Err(refusal) => v1::ReplicaListResult {
            code: wire::code(&refusal),
            message: refusal.message.into_owned(),
            ..v1::ReplicaListResult::default()
        },
    }
}

fn exists(exists: Result<bool, Refusal>) -> v1::ExistResult {
    match exists {
        Ok(exists) => v1::ExistResult {
            exists,
            ..v1::ExistResult::default()
        },
        Err(refusal) => v1::ExistResult {
            code: wire::code(&refusal),
            message: refusal.message.into_owned(),
            exists: false,
        },
    }
}
