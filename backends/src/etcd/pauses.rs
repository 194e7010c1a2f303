use std::time::Duration;

use rand::RngExt;
use tokio::time::sleep;

use super::error::is_refusal;
use standfast_core::Error;

/// How long one member is waited for before another is asked, at first and at most. A member that stands still keeps its
/// connections open, so nothing but the time tells. When all were asked they get longer: they may be slow, and a write that
/// is given up too early is sent again and again.
pub(super) const FIRST_TRY: Duration = Duration::from_secs(1);
const LONGEST_TRY: Duration = Duration::from_secs(4);
/// First and longest pause after every member was tried.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The pause before the next try: none as long as there is a member that was not asked, then longer each round; and how
/// long a try may take.
#[derive(Debug)]
pub(super) struct Pauses {
    members: usize,
    tries: usize,
    next: Duration,
    patience: Duration,
    /// How many times a member refused us.
    refused: usize,
}

impl Pauses {
    pub(super) const fn new(members: usize) -> Self {
        Self {
            members,
            tries: 0,
            next: PAUSES.0,
            patience: FIRST_TRY,
            refused: 0,
        }
    }

    /// Whether another try may help: what refuses us may be one member alone, as when its certificate has expired.
    pub(super) fn goes_on(&mut self, error: &Error) -> bool {
        self.refused += usize::from(is_refusal(error));
        error.retry() || (is_refusal(error) && self.refused < self.members)
    }

    /// # Cancel safety
    /// Cancel safe: the pause is cut.
    pub(super) async fn wait(&mut self) {
        self.tries += 1;
        if self.tries.is_multiple_of(self.members) {
            // Not all at once: those who lost one member come to the next together.
            let share = rand::rng().random_range(0.5..1.0);
            sleep(self.next.mul_f64(share)).await;
            self.next = (self.next * 2).min(PAUSES.1);
            self.patience = (self.patience * 2).min(LONGEST_TRY);
        }
    }

    /// How long the next try may take.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }
}
