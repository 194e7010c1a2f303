use std::time::Duration;

use standfast_core::{Position, Seq};
use tokio::time::Instant;

/// What a snapshot may take, beside the time between two.
const MARGIN: Duration = Duration::from_secs(10);

/// Whether the standbys, to which a leader leaves the snapshots, make none: their bucket may be out of reach, or what they
/// make may be of no use.
#[derive(Debug)]
pub(super) struct Overdue {
    every: Duration,
    newest: Position,
    /// When that came; or when this began.
    since: Instant,
    is_told: bool,
}

impl Overdue {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            newest: Position::default(),
            since: Instant::now(),
            is_told: false,
        }
    }

    /// What the catalog lists as the newest.
    pub(super) fn saw(&mut self, newest: Position) {
        if newest != self.newest {
            (self.newest, self.since, self.is_told) = (newest, Instant::now(), false);
        }
    }

    /// Whether the leader is to make the next one itself.
    pub(super) fn is_due(&mut self, committed: Seq) -> bool {
        let waited = self.since.elapsed();
        let is_due = committed > self.newest.seq && waited > self.every * 2 + MARGIN;
        if is_due && !self.is_told {
            self.is_told = true;
            let newest = self.newest;
            tracing::warn!(%newest, ?waited, "no standby makes a snapshot; the leader makes one");
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_due_when_there_is_news_and_none_came_for_two_intervals() {
        let mut overdue = Overdue::new(Duration::from_secs(100));
        tokio::time::advance(Duration::from_secs(209)).await;
        assert!(!overdue.is_due(Seq(7)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(overdue.is_due(Seq(7)) && !overdue.is_due(Seq(0)));
        overdue.saw(Position {
            seq: Seq(5),
            ..Position::default()
        });
        assert!(!overdue.is_due(Seq(7)));
    }
}
