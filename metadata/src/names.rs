use std::fmt;

use standfast_core::SessionId;

/// A client: 128 bits drawn once in its life. Its session has the same id.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u128);

/// A segment: 128 bits drawn by the client that lends it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u128);

macro_rules! sixteen_bytes {
    ($type:ident) => {
        impl $type {
            /// A new one.
            pub fn random() -> Self {
                Self(uuid::Uuid::new_v4().as_u128())
            }

            /// The id as it is on the wire: 16 bytes, the first is the highest; `None` for another length.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Some(Self(u128::from_be_bytes(bytes.try_into().ok()?)))
            }

            /// The bytes on the wire.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&uuid::Uuid::from_u128(self.0), f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

sixteen_bytes!(ClientId);
sixteen_bytes!(SegmentId);

impl ClientId {
    /// Nobody: may ask, and remove; nothing is remembered.
    pub const NONE: Self = Self(0);

    /// The session of this client.
    pub const fn session(self) -> SessionId {
        SessionId(self.0)
    }
}

impl From<SessionId> for ClientId {
    fn from(session: SessionId) -> Self {
        Self(session.0)
    }
}

/// The number of a segment in the state: given when it is mounted, counted up, never used again. One
/// incarnation of a segment has one number, so a replica names four bytes instead of 16, and a replica of an
/// earlier incarnation can never be taken for one of the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(pub u32);

impl fmt::Display for SegmentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a client in the state: given when it joins, counted up, never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientNumber(pub u32);

impl fmt::Display for ClientNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
