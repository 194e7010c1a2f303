use std::any::Any;
use std::time::Duration;

use standfast_core::{Error, Result};

use super::layer::{Call, Layer};

/// Makes calls again that failed in passing, after pauses that double.
///
/// Only what its contract allows to be made again ([`Effect::may_be_repeated`](super::Effect::may_be_repeated)), and only
/// after an error that says so ([`Error::retry`]). Never an append: a batch is sent again by the master, as long as its
/// term lasts (R3).
#[derive(Clone, Debug)]
pub struct Retry {
    tries: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// At most `tries` in all, with pauses from 10 ms to 1 s.
    pub const fn new(tries: u32) -> Self {
        Self {
            tries,
            first: Duration::from_millis(10),
            longest: Duration::from_secs(1),
        }
    }

    /// The same with other pauses.
    #[must_use]
    pub const fn with_pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    /// How long to wait before the next try of a call that failed `tries` times; `None` when it is given up.
    pub(super) fn pause(&self, call: Call, tries: u32, error: &Error) -> Option<Duration> {
        let goes_on =
            tries < self.tries && error.retry() && call.operation.effect().may_be_repeated();
        let doubled = 1_u32.checked_shl(tries - 1).unwrap_or(u32::MAX);
        goes_on.then(|| self.first.saturating_mul(doubled).min(self.longest))
    }
}

impl Layer for Retry {
    async fn run<T: Any + Send>(
        &self,
        _call: Call,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        attempt.await
    }

    fn retry(&self) -> Option<&Self> {
        Some(self)
    }
}
