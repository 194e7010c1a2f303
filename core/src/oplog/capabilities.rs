use serde::Serialize;

use crate::store::{Durability, Reach};

/// How a log keeps a lower epoch out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fencing {
    /// The store compares the epoch in the same transaction as the write.
    Transaction,
    /// The writer reads the fence after its data are durable and before it acknowledges.
    ReadAfterWrite,
    /// One process at a time holds the store.
    Lock,
}

/// How readers learn of new batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The store tells them.
    Push,
    /// They look.
    Poll,
}

/// What a log declares about itself; the node refuses combinations that cannot keep its promises (R9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OpLogCapabilities {
    /// How a lower epoch is kept out.
    pub fencing: Fencing,
    /// What survives what.
    pub durability: Durability,
    /// Who can read it.
    pub reach: Reach,
    /// How readers learn of batches.
    pub delivery: Delivery,
    /// Largest batch frame, in bytes.
    pub max_batch_bytes: usize,
    /// Most entries of a batch.
    pub max_batch_entries: usize,
    /// Whether [`crate::OpLogStore::open_follower`] works: a log that one node fills from another's.
    pub follower: bool,
    /// Whether what a term appended is there for the next one. Where it is not, only snapshots carry the state on, and the
    /// log begins anew behind the newest of them in every term.
    pub outlives_term: bool,
    /// Whether [`crate::OpLogStore::begin_at`] works: the log can begin behind a snapshot on an operator's word.
    pub begins_anew: bool,
    /// Whether [`crate::OpLogStore::skip`] works: the log keeps which entries are passed over.
    pub keeps_skips: bool,
    /// Whether [`crate::OpLogStore::usage`] tells the log's size, so that a limit can be set.
    pub tells_usage: bool,
}

impl OpLogCapabilities {
    /// A log in memory: nothing survives, everything else holds. Start here and name the differences.
    pub const fn memory() -> Self {
        Self {
            fencing: Fencing::Transaction,
            durability: Durability::Process,
            reach: Reach::Process,
            delivery: Delivery::Push,
            max_batch_bytes: 64 << 20,
            max_batch_entries: 1 << 20,
            follower: false,
            outlives_term: true,
            begins_anew: true,
            keeps_skips: true,
            tells_usage: true,
        }
    }
}
