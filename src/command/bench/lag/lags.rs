use std::time::Duration;

use standfast_core::Seq;
use tokio::time::Instant;

/// When the standby had applied everything up to a Seq, in order.
#[derive(Debug, Default)]
pub(super) struct Applied(Vec<(Seq, Instant)>);

impl Applied {
    pub(super) fn note(&mut self, seq: Seq, at: Instant) {
        self.0.push((seq, at));
    }

    /// From the answer to a write to its entry being applied: zero if it was applied first, `None` if it was not seen.
    pub(super) fn lag(&self, seq: Seq, answered: Instant) -> Option<Duration> {
        let first = self.0.partition_point(|(applied, _)| *applied < seq);
        let (_, at) = self.0.get(first)?;
        Some(at.saturating_duration_since(answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_applied_with_the_first_position_at_or_above_it() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut applied = Applied::default();
        applied.note(Seq(3), at(10));
        applied.note(Seq(9), at(20));
        assert_eq!(applied.lag(Seq(3), at(4)), Some(Duration::from_millis(6)));
        assert_eq!(applied.lag(Seq(4), at(4)), Some(Duration::from_millis(16)));
        assert_eq!(applied.lag(Seq(9), at(30)), Some(Duration::ZERO));
        assert_eq!(applied.lag(Seq(10), at(4)), None);
    }
}
