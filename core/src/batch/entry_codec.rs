use std::borrow::Cow;

use super::entry::{Entry, EntryId, OpType};
use super::varint::{read_varint, write_varint};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{RequestId, Seq, SessionId};

/// The longest key of an entry (`tenant 0x00 key`), in bytes.
pub const MAX_KEY: usize = 4096 + 256;
/// The longest payload of an entry, in bytes.
pub const MAX_PAYLOAD: usize = 1 << 20;

const SAME_SESSION: u8 = 1;
const SAME_REQUEST: u8 = 1 << 1;
const SAME_TIME: u8 = 1 << 2;
const NEXT_ITEM: u8 = 1 << 3;
const KEY_SHIFT: u8 = 4;
const KEY_NONE: u8 = 0;
const KEY_RAW: u8 = 1;
const KEY_DEFAULT: u8 = 2;
const KEY_HEX: u8 = 3;

const DEFAULT_TENANT: &[u8] = b"default\0";
/// A key of this many lower-case hex digits is packed to half.
const HEX_KEY: usize = 32;

/// What an entry is written relative to: the entry before it in the batch.
///
/// ```text
///   tag      1  bit 0 same session · bit 1 same request and answered mark · bit 2 same time stamp
///               bit 3 item is the one after · bits 4-5 key: 0 none, 1 raw, 2 of tenant "default",
///               3 of tenant "default" and 32 hex digits, packed to 16 bytes
///   op type  1
///   session 16  unless bit 0
///   request  v  unless bit 1; then, also unless bit 1: request - answered v
///   time     v  unless bit 2: zigzag difference in ms
///   item     v  unless bit 3
///   key      v + bytes (16 bytes without a length when packed)
///   payload  v + bytes                                                   v = LEB128
/// ```
///
/// Runs of one client's batch call thus cost a few bytes an entry beside key and payload, which is what
/// keeps a put of a 32-digit key at about 60 bytes.
#[derive(Clone, Debug)]
pub(super) struct Context {
    id: EntryId,
    timestamp_ms: u64,
}

impl Context {
    pub(super) fn at(base_ms: u64) -> Self {
        Self {
            id: EntryId {
                item: u32::MAX,
                ..EntryId::default()
            },
            timestamp_ms: base_ms,
        }
    }

    pub(super) fn write(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        let id = entry.id;
        let same_session = id.session == self.id.session;
        let same_request =
            same_session && id.request == self.id.request && id.answered == self.id.answered;
        let same_time = entry.timestamp_ms == self.timestamp_ms;
        let expected = if same_request {
            self.id.item.wrapping_add(1)
        } else {
            0
        };
        let next_item = id.item == expected;
        let (form, key) = key_form(&entry.key);
        out.push(
            (u8::from(same_session) * SAME_SESSION)
                | (u8::from(same_request) * SAME_REQUEST)
                | (u8::from(same_time) * SAME_TIME)
                | (u8::from(next_item) * NEXT_ITEM)
                | (form << KEY_SHIFT),
        );
        out.push(entry.op_type.0);
        if !same_session {
            out.extend_from_slice(&id.session.0.to_le_bytes());
        }
        if !same_request {
            write_varint(out, id.request.0);
            write_varint(out, id.request.0.saturating_sub(id.answered.0));
        }
        if !same_time {
            write_varint(
                out,
                zigzag(entry.timestamp_ms.wrapping_sub(self.timestamp_ms)),
            );
        }
        if !next_item {
            write_varint(out, u64::from(id.item));
        }
        write_key(out, form, key);
        write_varint(out, entry.payload.len() as u64);
        out.extend_from_slice(&entry.payload);
        self.id = id;
        self.timestamp_ms = entry.timestamp_ms;
    }

    fn read<'a>(&mut self, seq: Seq, input: &mut &'a [u8]) -> Option<Entry<'a>> {
        let tag = take(input, 1)?.first().copied()?;
        let op_type = OpType(take(input, 1)?.first().copied()?);
        let mut id = self.id;
        if tag & SAME_SESSION == 0 {
            id.session = SessionId(u128::from_le_bytes(*take(input, 16)?.first_chunk()?));
        }
        if tag & SAME_REQUEST == 0 {
            id.request = RequestId(read_varint(input)?);
            id.answered = RequestId(id.request.0.checked_sub(read_varint(input)?)?);
            id.item = u32::MAX;
        }
        let mut timestamp_ms = self.timestamp_ms;
        if tag & SAME_TIME == 0 {
            timestamp_ms = timestamp_ms.wrapping_add(unzigzag(read_varint(input)?));
        }
        id.item = if tag & NEXT_ITEM == 0 {
            u32::try_from(read_varint(input)?).ok()?
        } else {
            id.item.wrapping_add(1)
        };
        let key = read_key(input, tag >> KEY_SHIFT)?;
        let length = usize::try_from(read_varint(input)?).ok()?;
        let payload = Cow::Borrowed(take(input, length)?);
        self.id = id;
        self.timestamp_ms = timestamp_ms;
        Some(Entry {
            seq,
            timestamp_ms,
            op_type,
            id,
            key,
            payload,
        })
    }
}

fn zigzag(difference: u64) -> u64 {
    let signed = difference.cast_signed();
    ((signed << 1) ^ (signed >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

fn take<'a>(input: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, rest) = input.split_at_checked(n)?;
    *input = rest;
    Some(head)
}

fn key_form(key: &[u8]) -> (u8, &[u8]) {
    if key.is_empty() {
        return (KEY_NONE, key);
    }
    match key.strip_prefix(DEFAULT_TENANT) {
        Some(rest) if rest.len() == HEX_KEY && rest.iter().all(|b| is_lower_hex(*b)) => {
            (KEY_HEX, rest)
        }
        Some(rest) => (KEY_DEFAULT, rest),
        None => (KEY_RAW, key),
    }
}

const fn is_lower_hex(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'a'..=b'f')
}

fn write_key(out: &mut Vec<u8>, form: u8, key: &[u8]) {
    let digit = |b: u8| if b <= b'9' { b - b'0' } else { b - b'a' + 10 };
    match form {
        KEY_NONE => {}
        KEY_HEX => {
            let (pairs, _) = key.as_chunks::<2>();
            out.extend(
                pairs
                    .iter()
                    .map(|[high, low]| (digit(*high) << 4) | digit(*low)),
            );
        }
        _ => {
            write_varint(out, key.len() as u64);
            out.extend_from_slice(key);
        }
    }
}

fn read_key<'a>(input: &mut &'a [u8], form: u8) -> Option<Cow<'a, [u8]>> {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
    match form {
        KEY_NONE => Some(Cow::Borrowed(&[])),
        KEY_HEX => {
            let mut key = DEFAULT_TENANT.to_vec();
            key.extend(
                take(input, HEX_KEY / 2)?
                    .iter()
                    .flat_map(|b| [digit(b >> 4), digit(b & 15)]),
            );
            Some(Cow::Owned(key))
        }
        KEY_RAW | KEY_DEFAULT => {
            let length = usize::try_from(read_varint(input)?).ok()?;
            let bytes = take(input, length)?;
            if form == KEY_RAW {
                return Some(Cow::Borrowed(bytes));
            }
            Some(Cow::Owned([DEFAULT_TENANT, bytes].concat()))
        }
        _ => None,
    }
}

/// The entries of a batch, in order.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    context: Context,
    next: Seq,
    left: u32,
    input: &'a [u8],
}

impl<'a> Entries<'a> {
    pub(super) fn new(first: Seq, count: u32, base_ms: u64, input: &'a [u8]) -> Self {
        Self {
            context: Context::at(base_ms),
            next: first,
            left: count,
            input,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let seq = self.next;
        self.next = seq.next();
        let entry = self.context.read(seq, &mut self.input);
        if entry.is_none() {
            self.left = 0;
        }
        Some(entry.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "decode entry")
                .context(format!("entry {seq} of a batch whose checksum holds"))
        }))
    }
}
