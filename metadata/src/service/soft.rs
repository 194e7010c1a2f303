use std::collections::BTreeMap;

use standfast_core::Seq;

use super::dice::Dice;
use crate::config::{MetadataConfig, millis};
use crate::names::ClientNumber;
use crate::state::Object;

/// What the primary knows beside the state: it is lost with the term, and replaced by a time of grace.
#[derive(Debug)]
pub(super) struct Soft {
    pub(super) dice: Dice,
    /// Stamp at which the term began.
    pub(super) term_began_ms: u64,
    /// Reservations up to here are an earlier term's: another may have answered allocations in them.
    pub(super) floor: Seq,
    /// When clients were last heard of.
    pub(super) seen: BTreeMap<ClientNumber, u64>,
    /// Before this every client counts as just heard of.
    pub(super) listening_since_ms: u64,
    pub(super) upkeep_ms: u64,
    /// The largest object asked for in this term.
    pub(super) largest: u64,
}

impl Soft {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(),
            term_began_ms: 0,
            floor: Seq::ZERO,
            seen: BTreeMap::new(),
            listening_since_ms: 0,
            upkeep_ms: 0,
            largest: 1,
        }
    }

    pub(super) fn term_begins(&mut self, now_ms: u64, applied: Seq) {
        self.term_began_ms = now_ms;
        self.listening_since_ms = now_ms;
        self.upkeep_ms = now_ms;
        self.floor = applied;
        self.seen.clear();
    }

    /// How long readers may still count on an object; 0 when none does.
    pub(super) fn lease_left(&self, object: &Object, now_ms: u64, config: &MetadataConfig) -> u64 {
        let ttl_ms = millis(config.lease_ttl);
        let grace = (self.term_began_ms.saturating_add(ttl_ms)).saturating_sub(now_ms);
        grace.max(object.lease.left(now_ms, ttl_ms))
    }

    /// When a client was last heard of, as far as we could hear.
    ///
    /// One that is looked at for the first time counts as heard of now: the request that made it known had no number to
    /// be noted under. Else a client that joins late in a term would be expired at once, and all it lends with it.
    pub(super) fn heard_ms(&mut self, client: ClientNumber, now_ms: u64) -> u64 {
        let seen = *self.seen.entry(client).or_insert(now_ms);
        seen.max(self.listening_since_ms)
    }
}
