use standfast_core::write_varint;

use super::{Op, Reader};
use crate::names::{ClientId, SegmentId};

/// How long what is forgotten is remembered, where an operation says so: those that older versions wrote do not.
type RememberMs = fn(&mut Reader<'_>) -> Option<u64>;

pub(super) const NOT_AT_ALL: RememberMs = |_| Some(0);
pub(super) const FOR_A_WHILE: RememberMs =
    |input| input.varint().filter(|remember_ms| *remember_ms > 0);

/// Appends an operation by which segments are forgotten.
pub(super) fn encode(op: &Op, out: &mut Vec<u8>) {
    let remember_ms = match op {
        Op::Unmount { id, remember_ms } => {
            out.extend_from_slice(&id.to_bytes());
            *remember_ms
        }
        Op::GracefulUnmount {
            id,
            grace_ms,
            dismissed,
            remember_ms,
        } => {
            out.extend_from_slice(&id.to_bytes());
            write_varint(out, *grace_ms);
            out.push(u8::from(*dismissed));
            *remember_ms
        }
        Op::Expire {
            client,
            hold_ms,
            remember_ms,
        } => {
            out.extend_from_slice(&client.to_bytes());
            write_varint(out, *hold_ms);
            *remember_ms
        }
        _ => 0,
    };
    if remember_ms > 0 {
        write_varint(out, remember_ms);
    }
}

pub(super) fn decode_unmount(input: &mut Reader<'_>, remember_ms: RememberMs) -> Option<Op> {
    Some(Op::Unmount {
        id: SegmentId::from_bytes(input.take(16)?)?,
        remember_ms: remember_ms(input)?,
    })
}

pub(super) fn decode_graceful_unmount(
    input: &mut Reader<'_>,
    remember_ms: RememberMs,
) -> Option<Op> {
    Some(Op::GracefulUnmount {
        id: SegmentId::from_bytes(input.take(16)?)?,
        grace_ms: input.varint()?,
        dismissed: input.bool()?,
        remember_ms: remember_ms(input)?,
    })
}

pub(super) fn decode_expire(input: &mut Reader<'_>, remember_ms: RememberMs) -> Option<Op> {
    Some(Op::Expire {
        client: ClientId::from_bytes(input.take(16)?)?,
        hold_ms: input.varint()?,
        remember_ms: remember_ms(input)?,
    })
}
