use std::ops::Range;

use standfast_core::{Outcome, Refusal, RequestHeader, RequestId};
use tonic::Status;

use crate::names::{ClientId, SegmentId};
use crate::request::{Placement, SegmentInfo};
use crate::v1;

/// At most so many items are decided in one go, so that others get their turn.
const ITEMS_LIMIT: usize = 1024;
/// And about so many bytes of keys.
pub(super) const BYTES_LIMIT: usize = 1 << 20;
/// About so many where all items go into one entry of the log.
pub(super) const ENTRY_BYTES: usize = 256 << 10;

/// Cuts the items of a request, of these lengths, into commands of about `most` bytes.
pub(super) fn cut(lengths: impl Iterator<Item = usize>, most: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut first, mut next, mut bytes) = (0, 0, 0);
    for length in lengths {
        if next > first && (next - first == ITEMS_LIMIT || bytes + length > most) {
            pieces.push(first..next);
            (first, bytes) = (next, 0);
        }
        bytes += length;
        next += 1;
    }
    if next > first {
        pieces.push(first..next);
    }
    pieces
}

pub(super) fn client_id(bytes: &[u8]) -> Result<ClientId, Status> {
    if bytes.is_empty() {
        return Ok(ClientId::NONE);
    }
    ClientId::from_bytes(bytes).ok_or_else(|| {
        Status::invalid_argument(format!("a client id of {} bytes, want 16", bytes.len()))
    })
}

pub(super) fn segment_id(bytes: &[u8]) -> Result<SegmentId, Status> {
    SegmentId::from_bytes(bytes).ok_or_else(|| {
        Status::invalid_argument(format!("a segment id of {} bytes, want 16", bytes.len()))
    })
}

pub(super) fn header(header: Option<&v1::RequestHeader>) -> Result<RequestHeader, Status> {
    let Some(header) = header else {
        return Ok(RequestHeader::default());
    };
    let client = client_id(&header.client)?;
    if client == ClientId::NONE {
        return Ok(RequestHeader::default());
    }
    if header.request == 0 || header.request == u64::MAX || header.answered >= header.request {
        return Err(Status::invalid_argument(format!(
            "request {} with answered {}: want 1 to 2^64 - 2, and answered below it",
            header.request, header.answered
        )));
    }
    Ok(RequestHeader {
        session: client.session(),
        request: RequestId(header.request),
        answered: RequestId(header.answered),
        first_item: 0,
    })
}

pub(super) fn placement(config: Option<v1::PutConfig>) -> Placement {
    let config = config.unwrap_or_default();
    Placement {
        replicas: config.replicas.max(1),
        preferred: config.preferred_segments,
        group: config.group,
        hard_pin: config.hard_pin,
        soft_pin_ms: config.soft_pin_ms,
    }
}

pub(super) fn segment(segment: v1::Segment) -> Result<SegmentInfo, Status> {
    Ok(SegmentInfo {
        id: segment_id(&segment.id)?,
        incarnation: segment.incarnation,
        name: segment.name,
        endpoint: segment.endpoint,
        base: segment.base,
        size: segment.size,
        protocol: segment.protocol,
    })
}

pub(super) fn code(refusal: &Refusal) -> i32 {
    v1::ErrorCode::of(refusal) as i32
}

pub(super) fn item(outcome: Outcome) -> v1::ItemResult {
    match outcome {
        Ok(_) => v1::ItemResult::default(),
        Err(refusal) => v1::ItemResult {
            code: code(&refusal),
            message: refusal.message.into_owned(),
        },
    }
}

pub(super) fn items(outcomes: Vec<Outcome>) -> Vec<v1::ItemResult> {
    outcomes.into_iter().map(item).collect()
}

/// One value for each of `count` keys, from as many values or from one for all.
pub(super) fn spread<T: Copy>(
    what: &str,
    values: &[T],
    count: usize,
) -> Result<impl Fn(usize) -> Option<T>, Status> {
    if values.len() != count && values.len() != 1 {
        return Err(Status::invalid_argument(format!(
            "{} {what} for {count} keys: want one for each, or one for all",
            values.len()
        )));
    }
    let values = values.to_vec();
    Ok(move |at: usize| values.get(at).or_else(|| values.first()).copied())
}

/// The only result of a request of one item.
pub(super) fn single<T>(results: Vec<T>) -> Result<T, Status> {
    results
        .into_iter()
        .next()
        .ok_or_else(|| Status::internal("a request of one item without a result"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_by_items_and_by_bytes_and_nothing_is_lost() {
        assert!(cut([].into_iter(), BYTES_LIMIT).is_empty());
        let whole = cut(std::iter::repeat_n(32, 1024), BYTES_LIMIT);
        assert_eq!((whole.len(), whole[0].clone()), (1, 0..1024));
        assert_eq!(
            cut(std::iter::repeat_n(32, 1025), BYTES_LIMIT),
            [0..1024, 1024..1025]
        );
        let pieces = cut(std::iter::repeat_n(3072, 900), BYTES_LIMIT);
        assert_eq!(pieces, [0..341, 341..682, 682..900]);
        assert_eq!(cut([5 << 20, 1].into_iter(), BYTES_LIMIT), [0..1, 1..2]);
    }

    #[test]
    fn a_header_that_cannot_be_remembered_is_refused() {
        let of = |client: &[u8], request, answered| {
            header(Some(&v1::RequestHeader {
                client: client.to_vec().into(),
                request,
                answered,
            }))
        };
        assert!(of(&[1; 16], 1, 0).is_ok());
        assert!(of(&[1; 15], 1, 0).is_err());
        assert!(of(&[1; 16], 0, 0).is_err());
        assert!(of(&[1; 16], 3, 3).is_err());
        assert_eq!(of(&[], 0, 0).unwrap(), RequestHeader::default());
    }
}
