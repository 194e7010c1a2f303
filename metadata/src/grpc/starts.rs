use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use standfast_core::{BootInstant, Error, Outcome};
use tonic::Status;

use super::calls::{asked, lengths, targets};
use super::master::{Master, in_doubt};
use super::segments::SegmentTable;
use super::status::status;
use super::wire;
use crate::key::Target;
use crate::request::{Call, Found, Placement, read_places};
use crate::v1;
use crate::v1::ErrorCode;

/// The calls that start puts, which differ in what they ask for and in nothing else.
#[derive(Clone, Copy)]
pub(super) struct Start {
    name: &'static str,
    call: fn(Vec<(Target, u64)>, Placement) -> Call,
}

pub(super) const PUT: Start = Start {
    name: "put_start",
    call: |objects, placement| Call::PutStart { objects, placement },
};
pub(super) const UPSERT: Start = Start {
    name: "upsert_start",
    call: |objects, placement| Call::UpsertStart { objects, placement },
};

impl Master {
    pub(super) async fn start_put(
        &self,
        one: v1::PutStartRequest,
        start: Start,
        deadline: BootInstant,
    ) -> Result<v1::PutStartResponse, Status> {
        let batch = v1::BatchPutStartRequest {
            header: one.header,
            tenant: one.tenant,
            keys: vec![one.key],
            sizes: vec![one.size],
            config: one.config,
        };
        let response = self.start_puts(batch, start, deadline).await?;
        Ok(v1::PutStartResponse {
            result: Some(wire::single(response.results)?),
            segments: response.segments,
        })
    }

    pub(super) async fn start_puts(
        &self,
        request: v1::BatchPutStartRequest,
        start: Start,
        deadline: BootInstant,
    ) -> Result<v1::BatchPutStartResponse, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let (keys, tenant) = (request.keys, request.tenant);
        let size = wire::spread("sizes", &request.sizes, keys.len())?;
        let placement = wire::placement(request.config);
        let call = |piece: Range<usize>| {
            let sizes = piece.clone().map(|at| size(at).unwrap_or(0));
            let objects = targets(&tenant, &keys, piece).into_iter().zip(sizes);
            (start.call)(objects.collect(), placement.clone())
        };
        let outcomes = self
            .propose(start.name, asked, lengths(&keys), call)
            .await?;
        // It was executed: whatever goes wrong now leaves the caller in doubt, not refused.
        self.describe(outcomes, false, deadline)
            .await
            .map_err(|error| status(&in_doubt(error)))
    }

    /// Fills in what the numbers in the replies stand for. When a segment is gone meanwhile its replica is passed over, or,
    /// with `whole`, the item is refused.
    pub(super) async fn describe(
        &self,
        outcomes: Vec<Outcome>,
        whole: bool,
        deadline: BootInstant,
    ) -> Result<v1::BatchPutStartResponse, Error> {
        let placed: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| outcome.map(|reply| read_places(&reply).unwrap_or_default()))
            .collect();
        let numbers: BTreeSet<_> = placed
            .iter()
            .flatten()
            .flat_map(|(_, places)| places.iter().map(|place| place.segment))
            .collect();
        let infos: BTreeMap<_, _> = self
            .segments(&numbers, deadline)
            .await?
            .into_iter()
            .collect();
        let mut table = SegmentTable::default();
        let results = placed.into_iter().map(|placed| {
            let (size, places) = match placed {
                Ok(placed) => placed,
                Err(refusal) => {
                    return v1::PutStartResult {
                        code: wire::code(&refusal),
                        message: refusal.message.into_owned(),
                        replicas: Vec::new(),
                    };
                }
            };
            let count = places.len();
            let mut replicas = Vec::with_capacity(count);
            for place in places {
                if let Some(Some(segment)) = infos.get(&place.segment) {
                    let found = Found {
                        segment: std::sync::Arc::clone(segment),
                        offset: place.offset,
                    };
                    replicas.push(table.replica(&found, size));
                }
            }
            if replicas.is_empty() || (whole && replicas.len() < count) {
                return v1::PutStartResult {
                    code: ErrorCode::SegmentNotFound as i32,
                    message: "the segments it was placed in are unmounted".to_owned(),
                    replicas: Vec::new(),
                };
            }
            v1::PutStartResult {
                replicas,
                ..v1::PutStartResult::default()
            }
        });
        Ok(v1::BatchPutStartResponse {
            results: results.collect(),
            segments: table.finish(),
        })
    }
}
