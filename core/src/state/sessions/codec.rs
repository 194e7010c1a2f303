use super::session::{Answer, Run, Session};
use crate::batch::{read_varint, write_varint};
use crate::error::{Error, ErrorKind, Result};
use crate::state::Reply;
use crate::words::{RequestId, Seq, SessionId};

/// Appends one session's row, version 1 of the manifest.
///
/// ```text
///   session 16 · highest v · answered v · requests v, each:
///     request v · runs v, each: first item v · items v · reply length v · reply bytes     v = LEB128
/// ```
pub(super) fn write(id: SessionId, session: &Session, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.0.to_le_bytes());
    write_varint(out, session.highest.0);
    write_varint(out, session.answered.0);
    write_varint(out, session.answers.len() as u64);
    for (request, answer) in &session.answers {
        write_varint(out, request.0);
        write_varint(out, answer.runs.len() as u64);
        for run in &answer.runs {
            write_varint(out, u64::from(run.first));
            write_varint(out, u64::from(run.count));
            write_varint(out, run.reply.0.len() as u64);
            out.extend_from_slice(&run.reply.0);
        }
    }
}

/// Appends the sessions that ended: count v, then 16 bytes each.
pub(super) fn write_gone(gone: &[SessionId], out: &mut Vec<u8>) {
    write_varint(out, gone.len() as u64);
    for id in gone {
        out.extend_from_slice(&id.0.to_le_bytes());
    }
}

/// Reads what [`write_gone`] wrote and moves `input` past it.
pub(super) fn read_gone(input: &mut &[u8]) -> Result<Vec<SessionId>> {
    let gone = |input: &mut &[u8]| {
        let count = usize::try_from(read_varint(input)?).ok()?;
        let (ids, rest) = input.split_at_checked(count.checked_mul(16)?)?;
        *input = rest;
        let (ids, _) = ids.as_chunks();
        Some(
            ids.iter()
                .map(|id| SessionId(u128::from_le_bytes(*id)))
                .collect(),
        )
    };
    gone(input).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "decode session")
            .context("the ended sessions of a snapshot cannot be decoded")
    })
}

/// Reads what [`write`] wrote and moves `input` past it.
pub(super) fn read(input: &mut &[u8]) -> Result<(SessionId, Session)> {
    fields(input).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "decode session")
            .context("a session row of a snapshot cannot be decoded")
    })
}

fn fields(input: &mut &[u8]) -> Option<(SessionId, Session)> {
    let (id, rest) = input.split_first_chunk::<16>()?;
    *input = rest;
    let mut session = Session::new();
    session.highest = RequestId(read_varint(input)?);
    session.answered = RequestId(read_varint(input)?);
    for _ in 0..read_varint(input)? {
        let request = RequestId(read_varint(input)?);
        let mut answer = Answer {
            seq: Seq::ZERO,
            runs: Vec::new(),
        };
        let mut end = 0;
        for _ in 0..read_varint(input)? {
            let first = u32::try_from(read_varint(input)?).ok()?;
            let count = u32::try_from(read_varint(input)?).ok()?;
            if first < end {
                return None;
            }
            end = first.checked_add(count)?;
            let length = usize::try_from(read_varint(input)?).ok()?;
            let (reply, rest) = input.split_at_checked(length)?;
            *input = rest;
            answer.runs.push(Run {
                first,
                count,
                reply: Reply(reply.to_vec()),
            });
        }
        session.answers.insert(request, answer);
    }
    Some((SessionId(u128::from_le_bytes(*id)), session))
}
