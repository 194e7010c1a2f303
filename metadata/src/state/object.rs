use crate::key::ObjectKey;
use crate::names::{ClientNumber, SegmentNumber};
use crate::request::{Place, Traits};

/// An object. Kept small: there are millions of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) replicas: Replicas,
    pub(crate) progress: Progress,
    /// Bytes of each replica.
    pub(crate) size: u64,
    pub(crate) writer: ClientNumber,
    pub(crate) lease: Lease,
}

const _: () = assert!(size_of::<(ObjectKey, Object)>() <= 72);

impl Object {
    /// Its put has ended: counts as used now, and leased to nobody.
    pub(crate) fn complete(&mut self, checksum: Option<u64>, now_ms: u64) {
        self.progress = Progress::Complete(checksum);
        self.lease = Lease::over(now_ms);
        self.replicas.used(now_ms);
    }

    /// It is read, and leased for `ttl_ms`.
    pub(crate) fn read(&mut self, now_ms: u64, ttl_ms: u64) {
        self.lease = Lease::until(now_ms.saturating_add(ttl_ms));
        self.replicas.used(now_ms);
    }

    /// Whether its soft pin holds. When it was used last is lost with a term: none begins with pins that are over.
    pub(crate) fn soft_pinned(&self, term_began_ms: u64, now_ms: u64) -> bool {
        let Replicas::Listed(listed) = &self.replicas else {
            return false;
        };
        let begins = listed.used_ms.max(term_began_ms);
        now_ms < begins.saturating_add(listed.traits.soft_pin_ms)
    }
}

/// How far its put has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Started at this stamp, not ended.
    Processing(u64),
    /// Ended, with the writer's checksum.
    Complete(Option<u64>),
}

/// Where it lies, and its traits. One replica and no traits is the rule, and takes no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replicas {
    One { segment: SegmentNumber, offset: u64 },
    Listed(Box<Listed>),
}

/// What few objects have: several replicas, or traits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    places: Vec<Place>,
    traits: Traits,
    /// When it was written or read last: soft.
    used_ms: u64,
}

const NO_TRAITS: &Traits = &Traits {
    group: String::new(),
    hard_pin: false,
    soft_pin_ms: 0,
};

impl Replicas {
    /// Replicas at these places, of an object with these traits.
    pub(crate) fn new(places: Vec<Place>, traits: Traits) -> Self {
        match *places.as_slice() {
            [Place { segment, offset }] if traits.is_empty() => Self::One { segment, offset },
            _ => Self::Listed(Box::new(Listed {
                places,
                traits,
                used_ms: 0,
            })),
        }
    }

    /// The same object's, of which these places are left.
    pub(crate) fn with_places(&self, places: Vec<Place>) -> Self {
        let mut left = Self::new(places, self.traits().clone());
        if let Self::Listed(listed) = self {
            left.used(listed.used_ms);
        }
        left
    }

    fn used(&mut self, now_ms: u64) {
        if let Self::Listed(listed) = self {
            listed.used_ms = now_ms;
        }
    }

    pub(crate) fn traits(&self) -> &Traits {
        match self {
            Self::One { .. } => NO_TRAITS,
            Self::Listed(listed) => &listed.traits,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Listed(listed) => listed.places.len(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Place> + use<'_> {
        let (one, many) = match self {
            Self::One { segment, offset } => (
                Some(Place {
                    segment: *segment,
                    offset: *offset,
                }),
                [].as_slice(),
            ),
            Self::Listed(listed) => (None, listed.places.as_slice()),
        };
        one.into_iter().chain(many.iter().copied())
    }
}

/// Until when readers count on an object: soft, in four bytes.
///
/// In units of 64 ms of the leader's stamp, modulo 2^32. Only leases that end within [`Self::longest`] of now
/// count, so that the value of a lease long gone, or none, is not taken for one when the number comes round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease(u32);

const UNIT_MS: u64 = 64;

impl Lease {
    /// Until `until_ms`, rounded up.
    pub(crate) const fn until(until_ms: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32")]
        Self((until_ms / UNIT_MS + 1) as u32)
    }

    /// None since `now_ms`.
    pub(crate) const fn over(now_ms: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32")]
        Self((now_ms / UNIT_MS) as u32)
    }

    /// For how long it has been over at `now_ms`, in units, when it is not running any more.
    pub(crate) const fn over_for(self, now_ms: u64) -> u32 {
        let Self(now) = Self::over(now_ms);
        now.wrapping_sub(self.0)
    }

    /// Milliseconds left at `now_ms`, of a lease of at most `ttl_ms`.
    pub(crate) fn left(self, now_ms: u64, ttl_ms: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32")]
        let now = (now_ms / UNIT_MS) as u32;
        let left = u64::from(self.0.wrapping_sub(now));
        if left > ttl_ms / UNIT_MS + 2 {
            return 0;
        }
        left * UNIT_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_lasts_at_least_its_time_and_little_more_wherever_the_clock_stands() {
        for now in [0, 1_000_003, (u64::from(u32::MAX) * UNIT_MS) - 77] {
            let lease = Lease::until(now + 10_000);
            assert!(lease.left(now, 10_000) >= 10_000);
            assert!(lease.left(now + 9_999, 10_000) > 0);
            assert_eq!(lease.left(now + 10_000 + 2 * UNIT_MS, 10_000), 0);
        }
    }

    #[test]
    fn a_lease_that_ended_earlier_is_over_for_longer() {
        for now in [1_000_003, (u64::from(u32::MAX) * UNIT_MS) - 77] {
            let (old, new) = (Lease::until(now), Lease::over(now + 1000));
            assert_eq!(new.left(now + 1000, 10_000), 0);
            assert!(old.over_for(now + 2000) > new.over_for(now + 2000));
        }
    }

    #[test]
    fn no_lease_is_no_lease() {
        for now in [1_000_003, 1_760_000_000_000] {
            assert_eq!(Lease::default().left(now, 10_000), 0);
        }
    }
}
