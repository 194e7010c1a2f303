use standfast_core::{BootInstant, Refusal};
use tonic::Status;

use super::calls::asked;
use super::master::{Master, count_items, in_doubt};
use super::status::status;
use super::wire;
use crate::key::Target;
use crate::request::{Call, Claim, ReMount, ReMounted, SegmentInfo, Traits, check_claims};
use crate::v1;
use crate::v1::ErrorCode;

impl Master {
    /// Mounts a segment again, by as many commands of one item as its objects take. All that is wrong with them by
    /// themselves is found before the first.
    pub(super) async fn remount(
        &self,
        request: v1::ReMountSegmentRequest,
        deadline: BootInstant,
    ) -> Result<v1::ReMountSegmentResponse, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let segment = request.segment;
        let segment = segment.ok_or_else(|| Status::invalid_argument("no segment"))?;
        let segment = wire::segment(segment)?;
        let objects = request.objects.into_iter();
        let claims: Result<Vec<_>, Refusal> = objects.map(|held| claim(held, &segment)).collect();
        let claims = claims.and_then(|claims| {
            check_claims(segment.size, &claims)?;
            Ok(claims)
        });
        let claims = match claims {
            Ok(claims) => claims,
            Err(refusal) => return Ok(refused(refusal)),
        };
        let mut sum = ReMounted::default();
        for (number, call) in parts(&segment, &claims).into_iter().enumerate() {
            let call = |_| Call::ReMount(call.clone());
            let outcomes = self.propose_piece(asked, number..number + 1, &call);
            let outcomes = outcomes.await.map_err(|error| {
                let error = if number > 0 { in_doubt(error) } else { error };
                status(&error)
            })?;
            match wire::single(outcomes)? {
                Err(refusal) => return Ok(refused(refusal)),
                Ok(reply) => {
                    let told = ReMounted::of_reply(&reply)
                        .ok_or_else(|| Status::internal("a reply to another request"))?;
                    sum.restored += told.restored;
                    sum.superseded += told.superseded;
                }
            }
        }
        count_items("remount", ErrorCode::Ok, 1);
        Ok(v1::ReMountSegmentResponse {
            result: Some(v1::ItemResult::default()),
            restored: sum.restored,
            superseded: sum.superseded,
        })
    }
}

fn claim(held: v1::HeldObject, segment: &SegmentInfo) -> Result<Claim, Refusal> {
    let target = Target::new(held.tenant.as_bytes(), &held.key);
    let offset = held.address.checked_sub(segment.base).ok_or_else(|| {
        ErrorCode::InvalidParams.refuse(format!(
            "object {target:?} at {:#x}: before the segment, which begins at {:#x}",
            held.address, segment.base
        ))
    })?;
    Ok(Claim {
        target,
        offset,
        size: held.size,
        checksum: held.checksum,
        traits: Traits {
            group: held.group,
            hard_pin: held.hard_pin,
            soft_pin_ms: held.soft_pin_ms,
        },
    })
}

/// What is said of a segment, in parts that each go into an entry of the log; one without objects when there are none.
fn parts(segment: &SegmentInfo, claims: &[Claim]) -> Vec<ReMount> {
    let length = |claim: &Claim| claim.target.qualified().len() + claim.traits.group.len();
    let mut pieces = wire::cut(claims.iter().map(length), wire::ENTRY_BYTES);
    if pieces.is_empty() {
        pieces.push(0..0);
    }
    let count = pieces.len();
    let part = |(number, piece): (usize, std::ops::Range<usize>)| ReMount {
        segment: segment.clone(),
        claims: claims.get(piece).unwrap_or_default().to_vec(),
        first: number == 0,
        last: number + 1 == count,
    };
    pieces.into_iter().enumerate().map(part).collect()
}

fn refused(refusal: Refusal) -> v1::ReMountSegmentResponse {
    count_items("remount", ErrorCode::of(&refusal), 1);
    v1::ReMountSegmentResponse {
        result: Some(wire::item(Err(refusal))),
        ..v1::ReMountSegmentResponse::default()
    }
}
