use std::borrow::Cow;
use std::fmt;

use crate::words::{RequestId, Seq, SessionId};

/// What an entry does. The numbers below 16 belong to Standfast, the rest to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpType(pub u8);

impl OpType {
    /// The first entry of a term: [`crate::EpochStart`].
    pub const EPOCH_START: Self = Self(0);
    /// An audited tombstone in place of an entry that could not be applied.
    pub const SKIP: Self = Self(1);
    /// The first number that a service may use.
    pub const FIRST_OF_SERVICE: Self = Self(16);

    /// Whether the service applies it.
    pub const fn is_of_service(self) -> bool {
        self.0 >= Self::FIRST_OF_SERVICE.0
    }
}

impl fmt::Display for OpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which request an entry belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EntryId {
    /// Who asked; `SessionId::NONE` for the leader's own upkeep.
    pub session: SessionId,
    /// Which request of the session.
    pub request: RequestId,
    /// Which item of the request, from 0: a batch call is one request of many items.
    pub item: u32,
    /// The client has the answers of all requests up to and including this one.
    pub answered: RequestId,
}

/// One change in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number.
    pub seq: Seq,
    /// The leader's stamp, in milliseconds; never falls.
    pub timestamp_ms: u64,
    /// What it does.
    pub op_type: OpType,
    /// Whose request it was.
    pub id: EntryId,
    /// What it is about: `tenant 0x00 key`, or empty. At most [`super::MAX_KEY`] bytes.
    pub key: Cow<'a, [u8]>,
    /// The operation, in the service's encoding. At most [`super::MAX_PAYLOAD`] bytes.
    pub payload: Cow<'a, [u8]>,
}
