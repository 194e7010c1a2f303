use std::time::Duration;

use standfast_core::Error;
use tokio::time::Instant;

/// The same complaint is repeated after this long.
const AGAIN: Duration = Duration::from_mins(1);

/// A complaint of something that is tried twice a second: told when it is new, and then once a minute.
#[derive(Debug, Default)]
pub(super) struct Told(Option<(String, Instant)>);

impl Told {
    /// Warns of `error`, unless that was done a moment ago.
    pub(super) fn warn(&mut self, what: &str, error: &Error) {
        if self.is_new(&error.to_string()) {
            tracing::warn!(%error, "{what}");
        }
    }

    /// It went well: whatever comes next is new.
    pub(super) fn well(&mut self) {
        self.0 = None;
    }

    fn is_new(&mut self, text: &str) -> bool {
        let now = Instant::now();
        if let Some((told, at)) = &self.0
            && told == text
            && now - *at < AGAIN
        {
            return false;
        }
        self.0 = Some((text.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_told_once_a_minute_and_something_else_at_once() {
        let mut told = Told::default();
        assert!(told.is_new("a") && !told.is_new("a") && told.is_new("b"));
        tokio::time::advance(AGAIN).await;
        assert!(told.is_new("b") && !told.is_new("b"));
        told.well();
        assert!(told.is_new("b"));
    }
}
