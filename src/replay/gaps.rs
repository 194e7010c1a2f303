use std::time::Duration;

use standfast_core::BootInstant;

/// The longest time between two acknowledgements while there was something to do.
///
/// A pause of the trace is not the cluster's: when nothing was under way, the time begins anew with the next request. But
/// any request counts, also one that hangs in its lookup: a cluster that answers nothing at all has a gap too.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    under_way: u64,
    since: Option<BootInstant>,
    longest: Duration,
}

impl Gaps {
    pub(super) fn begin(&mut self, now: BootInstant) {
        if self.under_way == 0 && self.since.is_some() {
            self.since = Some(now);
        }
        self.under_way += 1;
    }

    pub(super) const fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(super) fn acknowledged(&mut self, now: BootInstant) {
        self.close(now);
        self.since = Some(now);
    }

    pub(super) fn close(&mut self, now: BootInstant) {
        if let Some(since) = self.since {
            self.longest = self.longest.max(now.since(since));
        }
    }

    /// Whether anything is under way.
    pub(super) const fn is_open(&self) -> bool {
        self.under_way > 0
    }

    /// Time since the last acknowledgement; zero before the first.
    pub(super) fn silent_for(&self, now: BootInstant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.since(since))
    }

    pub(super) const fn longest(&self) -> Duration {
        self.longest
    }
}
