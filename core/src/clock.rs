//! Time that counts for leases and deadlines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An instant on `CLOCK_BOOTTIME`, in nanoseconds since boot. It counts suspend, which
/// `std::time::Instant` does not: a machine that slept must not believe in its old lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootInstant(u64);

impl BootInstant {
    /// Long before anything: a validity that has always run out.
    pub const NEVER: Self = Self(0);

    /// The instant `nanos` nanoseconds after boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since boot.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// This instant and `span` more.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A source of [`BootInstant`]s: the system's, or one that a test moves by hand.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// `CLOCK_BOOTTIME` of this machine.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at one second after boot until [`Self::advance`] moves it. All clones move
    /// together.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(1_000_000_000))))
    }

    /// Now.
    pub fn now(&self) -> BootInstant {
        match &self.0 {
            Source::System => {
                let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
                let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
                BootInstant(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
            }
            Source::Manual(now) => BootInstant(now.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock on.
    ///
    /// # Panics
    /// On the system's clock: only tests move time.
    pub fn advance(&self, span: Duration) {
        match &self.0 {
            Source::Manual(now) => {
                let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
                now.fetch_add(nanos, Ordering::AcqRel);
            }
            Source::System => unreachable!("the system's clock cannot be moved"),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System => f.write_str("Clock(system)"),
            Source::Manual(now) => write!(f, "Clock(manual, {} ns)", now.load(Ordering::Acquire)),
        }
    }
}

/// Wall time in milliseconds since 1970, for people: nothing is decided by it. 0 for a clock that stands before that.
#[expect(clippy::disallowed_methods, reason = "for people")]
pub fn wall_clock_ms() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(passed.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = Clock::manual();
        let other = clock.clone();
        let before = other.now();
        clock.advance(Duration::from_millis(5));
        assert_eq!(other.now().since(before), Duration::from_millis(5));
    }

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = Clock::system();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(first > BootInstant::NEVER);
    }
}
