use std::collections::{BTreeMap, BTreeSet};

use standfast_core::Seq;

use super::dice::Dice;
use super::evict::Eviction;
use crate::config::{MetadataConfig, millis};
use crate::key::ObjectKey;
use crate::names::ClientNumber;
use crate::state::{Lease, Object};

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
    /// Who said anything in this term.
    heard: BTreeSet<ClientNumber>,
    /// Before this every client counts as just heard of.
    pub(super) listening_since_ms: u64,
    pub(super) upkeep_ms: u64,
    /// The next upkeep expires every client, heard of or not.
    pub(super) forgets_clients: bool,
    /// The largest object asked for in this term.
    pub(super) largest: u64,
    pub(super) eviction: Eviction,
    /// Leases of whole groups, by tenant and name.
    groups: BTreeMap<Vec<u8>, Lease>,
    /// When the leases of groups were looked through last.
    groups_ms: u64,
}

impl Soft {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(),
            term_began_ms: 0,
            floor: Seq::ZERO,
            seen: BTreeMap::new(),
            heard: BTreeSet::new(),
            listening_since_ms: 0,
            upkeep_ms: 0,
            forgets_clients: false,
            largest: 1,
            eviction: Eviction::default(),
            groups: BTreeMap::new(),
            groups_ms: 0,
        }
    }

    pub(super) fn term_begins(&mut self, now_ms: u64, applied: Seq, lease_ttl_ms: u64) {
        self.term_began_ms = now_ms;
        self.listening_since_ms = now_ms;
        self.upkeep_ms = now_ms;
        self.forgets_clients = false;
        self.floor = applied;
        self.seen.clear();
        self.heard.clear();
        self.eviction
            .term_begins(now_ms.saturating_add(lease_ttl_ms));
        self.groups.clear();
        self.groups_ms = now_ms;
    }

    /// How long readers may still count on an object, or on another of its group; 0 when none does.
    pub(super) fn lease_left(
        &self,
        key: &ObjectKey,
        object: &Object,
        now_ms: u64,
        config: &MetadataConfig,
    ) -> u64 {
        let ttl_ms = millis(config.lease_ttl);
        let grace = (self.term_began_ms.saturating_add(ttl_ms)).saturating_sub(now_ms);
        let group = group(key, object).and_then(|group| self.groups.get(&group));
        let of_group = group.map_or(0, |lease| lease.left(now_ms, ttl_ms));
        grace.max(of_group).max(object.lease.left(now_ms, ttl_ms))
    }

    /// Leases the group of an object, if it has one. The lease is the group's, so that no index of its members is
    /// needed, and those that are put later have it too.
    pub(super) fn lease_group(&mut self, key: &ObjectKey, object: &Object, lease: Lease) {
        if let Some(group) = group(key, object) {
            self.groups.insert(group, lease);
        }
    }

    /// Forgets the leases of groups that are over, once in the time of a lease.
    pub(super) fn forget_groups(&mut self, now_ms: u64, config: &MetadataConfig) {
        let ttl_ms = millis(config.lease_ttl);
        if now_ms.saturating_sub(self.groups_ms) >= ttl_ms {
            self.groups_ms = now_ms;
            let lasts = |_: &Vec<u8>, lease: &mut Lease| lease.left(now_ms, ttl_ms) > 0;
            self.groups.retain(lasts);
        }
    }

    /// A client said something.
    pub(super) fn hear(&mut self, client: ClientNumber, now_ms: u64) {
        self.seen.insert(client, now_ms);
        self.heard.insert(client);
    }

    /// Whether a client said anything in this term.
    pub(super) fn has_heard(&self, client: ClientNumber) -> bool {
        self.heard.contains(&client)
    }

    /// Forgets the clients that are not known any more.
    pub(super) fn forget_clients(&mut self, known: &BTreeSet<ClientNumber>) {
        self.seen.retain(|number, _| known.contains(number));
        self.heard.retain(|number| known.contains(number));
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

/// The group of an object with its tenant.
fn group(key: &ObjectKey, object: &Object) -> Option<Vec<u8>> {
    let name = &object.replicas.traits().group;
    (!name.is_empty()).then(|| key.of_same_tenant(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use standfast_core::Span;

    use super::*;
    use crate::names::SegmentNumber;
    use crate::request::{Place, Traits};
    use crate::state::{Progress, Replicas};

    #[test]
    fn leases_of_groups_are_forgotten_when_they_are_over_and_not_before() {
        let config = MetadataConfig {
            lease_ttl: Span::secs(10),
            ..MetadataConfig::default()
        };
        let place = Place {
            segment: SegmentNumber(0),
            offset: 0,
        };
        let object = Object {
            replicas: Replicas::new(
                vec![place],
                Traits {
                    group: "g".to_owned(),
                    ..Traits::default()
                },
            ),
            progress: Progress::Complete(None),
            size: 1,
            writer: ClientNumber(0),
            lease: Lease::default(),
        };
        let key = ObjectKey::of(b"default\0k");
        let mut soft = Soft::new();
        soft.term_begins(0, Seq::ZERO, 10_000);
        soft.lease_group(&key, &object, Lease::until(25_000));
        soft.forget_groups(20_000, &config);
        assert!(soft.lease_left(&key, &object, 20_000, &config) >= 5_000);
        soft.forget_groups(29_999, &config);
        assert_eq!(soft.groups.len(), 1, "looked through 10 s ago at most");
        soft.forget_groups(30_000, &config);
        assert_eq!(soft.groups.len(), 0);
    }
}
