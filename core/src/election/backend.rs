use async_trait::async_trait;
use serde::Serialize;

use super::{Candidate, LeaderRecord, Leadership, Member, TermRecord};
use crate::error::Result;
use crate::store::{Reach, Store};
use crate::words::Epoch;

/// Decides who leads. The lease it grants is for liveness; safety is the epoch's, in every store (R2).
///
/// * **EL-1** Epochs are granted once, and each is higher than every one granted before and than the
///   `at_least` of its campaign.
/// * **EL-2** At any time at most one Leadership is valid: a new one is granted only when the validity of the
///   one before has run out on its holder's clock, its holder resigned, is proved dead, or was deposed.
/// * **EL-3** Validity is counted from before the renewal was sent, less the margin, on `CLOCK_BOOTTIME`. It
///   moves on only when the store still names us.
/// * **EL-4** Renewal does not depend on the async runtime: it has a thread of its own.
/// * **EL-5** `resign` and `depose` end only the leadership they name, never a successor's.
/// * **EL-6** `observe` never ends by itself; it re-subscribes. What it tells may be late, never made up.
/// * **EL-7** The leader's record says `serving` only after `announce`.
/// * **EL-8** The record of granted epochs is never collected (R7).
/// * **EL-9** `announced` never goes back: what it names has served, so its EpochStart was committed.
/// * **EL-10** Of the living processes with one node id one is registered.
#[async_trait]
pub trait ElectionBackend: Store {
    /// What it declares.
    fn capabilities(&self) -> ElectionCapabilities;

    /// Waits until leadership is won, and claims `1 + max(counter, at_least)`.
    ///
    /// # Errors
    /// `Unavailable`: try again; `Foreign`, `Version`, `Auth`: fatal.
    ///
    /// # Durability
    /// The claimed epoch is durable on return.
    ///
    /// # Cancel safety
    /// Cancel safe: gives the candidacy up; at most an epoch is used up.
    async fn campaign(&self, candidate: &Candidate, at_least: Epoch)
    -> Result<Box<dyn Leadership>>;

    /// Who leads now.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn current(&self) -> Result<Option<LeaderRecord>>;

    /// Highest epoch ever granted; zero before the first.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn epoch(&self) -> Result<Epoch>;

    /// Highest epoch that was ever announced; zero before the first. A log that ends before it has lost what was
    /// committed.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn announced(&self) -> Result<Epoch>;

    /// The newest term record.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn term_record(&self) -> Result<Option<TermRecord>>;

    /// Follows who leads.
    ///
    /// # Errors
    /// `Unavailable` when the first look fails.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn observe(&self) -> Result<Box<dyn ElectionWatch>>;

    /// All nodes that are registered and alive, ordered by id.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn members(&self) -> Result<Vec<Member>>;

    /// Registers a node until the registration is dropped or its process dies.
    ///
    /// # Errors
    /// `AlreadyExists` when another living process has this node id; `Unavailable`.
    ///
    /// # Cancel safety
    /// May or may not have happened; ends with the process.
    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>>;

    /// Ends the leadership of `expected`, whose holder is dead, so that a campaign need not wait for its lease.
    /// A backend that can prove life or death refuses while the holder lives.
    ///
    /// # Errors
    /// `Unavailable` when the holder is proved alive or the store is out of reach; `NotFound` when `expected`
    /// no longer leads.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn depose(&self, expected: Epoch) -> Result<()>;
}

/// What an election declares about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ElectionCapabilities {
    /// Who can take part.
    pub reach: Reach,
    /// Whether the death of a holder on the same host is proved (a lock freed by the kernel), not inferred.
    pub proves_death: bool,
}

impl ElectionCapabilities {
    /// Both at once.
    pub const fn new(reach: Reach, proves_death: bool) -> Self {
        Self {
            reach,
            proves_death,
        }
    }
}

/// Follows who leads.
#[async_trait]
pub trait ElectionWatch: Send {
    /// The newest record whenever it changes; the first call answers at once. `None`: nobody leads.
    ///
    /// # Errors
    /// `Unavailable` for longer than the backend's own patience; call again.
    ///
    /// # Cancel safety
    /// Cancel safe: a change is told by the next call instead.
    async fn next(&mut self) -> Result<Option<LeaderRecord>>;
}

/// A node's entry among the members; dropping it removes the entry.
#[async_trait]
pub trait Registration: Send + Sync {
    /// Replaces what the entry says.
    ///
    /// # Errors
    /// `Unavailable`; `Fenced` when the entry is no longer ours.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn update(&self, member: &Member) -> Result<()>;
}
