use std::time::Duration;

use standfast_core::{BootInstant, Seq};

/// How long entries that no answer waits for may stay out of the log, so that what is waited for takes them along:
/// a put's start rides with its end.
const LINGER: Duration = Duration::from_millis(1);

/// Whether the batch in hand is to go to the log now, or may wait for company.
///
/// With `ack = "async"` no answer waits, so this adds to what a crash can lose; it is far below what one sync takes on
/// most disks.
#[derive(Debug)]
pub(super) struct Linger {
    /// First entry of the batch in hand, or of the one before when there is none.
    first: Seq,
    /// When it came.
    since: BootInstant,
    /// Whether the batch is not to wait any longer.
    wanted: bool,
}

impl Linger {
    pub(super) const fn new(now: BootInstant) -> Self {
        Self {
            first: Seq::ZERO,
            since: now,
            wanted: false,
        }
    }

    /// The batch in hand gets its first entry.
    pub(super) const fn begin(&mut self, first: Seq, now: BootInstant) {
        *self = Self {
            first,
            since: now,
            wanted: false,
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
        LINGER.saturating_sub(now.since(self.since))
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::Clock;

    use super::*;

    #[test]
    fn a_batch_goes_when_it_is_wanted_or_has_waited_long_enough() {
        let clock = Clock::manual();
        let mut linger = Linger::new(clock.now());
        linger.begin(Seq(5), clock.now());
        clock.advance(LINGER / 2);
        linger.want(Seq(4));
        assert_eq!(linger.left(clock.now()), LINGER / 2, "of the batch before");
        linger.want(Seq(6));
        assert_eq!(linger.left(clock.now()), Duration::ZERO);
        linger.begin(Seq(7), clock.now());
        assert_eq!(linger.left(clock.now()), LINGER);
        clock.advance(LINGER);
        assert_eq!(linger.left(clock.now()), Duration::ZERO);
        linger.begin(Seq(8), clock.now());
        linger.over();
        assert_eq!(linger.left(clock.now()), Duration::ZERO);
    }
}
