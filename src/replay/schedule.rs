use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{BlockKey, Speed, TraceRequest};

/// Hands the requests of a trace out, in order, to whichever client is free.
#[derive(Debug)]
pub(super) struct Schedule {
    trace: Arc<[TraceRequest]>,
    passes: u64,
    speed: Speed,
    next: AtomicU64,
}

/// A request whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its blocks, in order.
    pub(super) keys: Vec<BlockKey>,
    /// When it is due, counted from the beginning of the load.
    pub(super) due: Duration,
}

impl Schedule {
    pub(super) const fn new(trace: Arc<[TraceRequest]>, passes: u64, speed: Speed) -> Self {
        Self {
            trace,
            passes,
            speed,
            next: AtomicU64::new(0),
        }
    }

    /// The next request; `None` after the last of the last pass.
    pub(super) fn next(&self) -> Option<Turn> {
        let length = self.trace.len() as u64;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let pass = number.checked_div(length)?;
        if pass >= self.passes {
            return None;
        }
        let request = self.trace.get(usize::try_from(number % length).ok()?)?;
        let keys = request.hash_ids.iter();
        Some(Turn {
            keys: keys.map(|block| BlockKey::of(*block, pass)).collect(),
            due: self.due(pass, request.timestamp),
        })
    }

    /// A pass begins where the one before ended.
    fn due(&self, pass: u64, timestamp: u64) -> Duration {
        let Speed::Times(times) = self.speed else {
            return Duration::ZERO;
        };
        let whole = self.trace.last().map_or(0, |last| last.timestamp);
        let at = Duration::from_millis(pass.saturating_mul(whole).saturating_add(timestamp));
        Duration::try_from_secs_f64(at.as_secs_f64() / times).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Arc<[TraceRequest]> {
        [(0, vec![1, 2]), (100, vec![1])]
            .map(|(timestamp, hash_ids)| TraceRequest {
                timestamp,
                input_length: 0,
                output_length: 0,
                hash_ids,
            })
            .into()
    }

    #[test]
    fn passes_follow_each_other_and_each_asks_for_blocks_of_its_own() {
        let schedule = Schedule::new(trace(), 2, Speed::Times(2.0));
        let turns: Vec<_> = std::iter::from_fn(|| schedule.next()).collect();
        assert_eq!(turns.len(), 4);
        let due: Vec<_> = turns.iter().map(|turn| turn.due.as_millis()).collect();
        assert_eq!(due, [0, 50, 50, 100]);
        assert_eq!(turns[1].keys, [BlockKey::of(1, 0)]);
        assert_eq!(turns[3].keys, [BlockKey::of(1, 1)]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn at_full_speed_everything_is_due_and_an_empty_trace_has_no_turn() {
        let schedule = Schedule::new(trace(), 1, Speed::Max);
        assert!(std::iter::from_fn(|| schedule.next()).all(|turn| turn.due.is_zero()));
        assert_eq!(Schedule::new([].into(), 9, Speed::Max).next(), None);
    }
}
