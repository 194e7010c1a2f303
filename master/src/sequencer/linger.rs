use std::time::Duration;

use standfast_core::{BootInstant, Seq};

use crate::config::Ack;

/// Whether the batch in hand is to go to the log now, or may wait for company.
///
/// With `ack = "durable"` what is waited for takes along what is not: a put's start rides with its end. With
/// `ack = "async"` no answer waits, and this adds to what a crash can lose, a two-hundredth of the default
/// `max_unflushed_age`; a batch costs an etcd most of a millisecond of processor time, whatever is in it.
#[derive(Debug)]
pub(super) struct Linger {
    /// First entry of the batch in hand, or of the one before when there is none.
    first: Seq,
    /// When it came.
    since: BootInstant,
    /// Whether the batch is not to wait any longer.
    wanted: bool,
    /// How long entries that no answer waits for may stay out of the log.
    most: Duration,
}

impl Linger {
    pub(super) const fn new(now: BootInstant, ack: Ack) -> Self {
        let most = match ack {
            Ack::Durable | Ack::Replicated => Duration::from_millis(1),
            Ack::Async => Duration::from_millis(5),
        };
        Self {
            first: Seq::ZERO,
            since: now,
            wanted: false,
            most,
        }
    }

    /// The batch in hand gets its first entry.
    pub(super) const fn begin(&mut self, first: Seq, now: BootInstant) {
        *self = Self {
            first,
            since: now,
            wanted: false,
            most: self.most,
        };
    }

    /// An answer waits for this entry.
    pub(super) fn want(&mut self, seq: Seq) {
        self.wanted |= seq >= self.first;
    }

    /// The batch has waited long enough by another clock than this one's: a clock that a test moves stands still.
    pub(super) const fn over(&mut self) {
        self.wanted = true;
    }

    /// How long the batch may still wait; zero when it is to go now.
    pub(super) fn left(&self, now: BootInstant) -> Duration {
        if self.wanted {
            return Duration::ZERO;
        }
        self.most.saturating_sub(now.since(self.since))
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::Clock;

    use super::*;

    #[test]
    fn a_batch_goes_when_it_is_wanted_or_has_waited_long_enough() {
        let clock = Clock::manual();
        let mut linger = Linger::new(clock.now(), Ack::Durable);
        let most = linger.most;
        linger.begin(Seq(5), clock.now());
        clock.advance(most / 2);
        linger.want(Seq(4));
        assert_eq!(linger.left(clock.now()), most / 2, "of the batch before");
        linger.want(Seq(6));
        assert_eq!(linger.left(clock.now()), Duration::ZERO);
        linger.begin(Seq(7), clock.now());
        assert_eq!(linger.left(clock.now()), most);
        clock.advance(most);
        assert_eq!(linger.left(clock.now()), Duration::ZERO);
        linger.begin(Seq(8), clock.now());
        linger.over();
        assert_eq!(linger.left(clock.now()), Duration::ZERO);
    }

    #[test]
    fn a_batch_that_nobody_waits_for_gathers_longer_where_nobody_ever_waits() {
        let clock = Clock::manual();
        let mut linger = Linger::new(clock.now(), Ack::Async);
        linger.begin(Seq(1), clock.now());
        clock.advance(Duration::from_millis(4));
        assert_eq!(linger.left(clock.now()), Duration::from_millis(1));
    }
}
