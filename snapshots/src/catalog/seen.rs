use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A value that grows, and when it was first seen to stand where: on our own clock, oldest first.
#[derive(Debug)]
pub(super) struct Seen<T>(VecDeque<(Instant, T)>);

impl<T: Copy + Ord> Seen<T> {
    pub(super) const fn nothing() -> Self {
        Self(VecDeque::new())
    }

    /// The value stands here now.
    pub(super) fn saw(&mut self, value: T) {
        if self.0.back().is_none_or(|(_, last)| *last < value) {
            self.0.push_back((Instant::now(), value));
        }
    }

    /// Whether it has stood further than this.
    pub(super) fn is_beyond(&self, value: T) -> bool {
        self.0.back().is_some_and(|(_, last)| *last > value)
    }

    /// Where it stood at least `age` ago.
    pub(super) fn long_ago(&mut self, age: Duration) -> Option<T> {
        while let Some((at, value)) = self.0.front().copied() {
            if at.elapsed() < age {
                return None;
            }
            let next_is_old = self.0.get(1).is_some_and(|(at, _)| at.elapsed() >= age);
            if !next_is_old {
                return Some(value);
            }
            self.0.pop_front();
        }
        None
    }
}
