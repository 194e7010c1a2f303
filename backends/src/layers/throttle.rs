use std::any::Any;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use standfast_core::Result;
use tokio::time::{Instant, sleep_until};

use super::answer::bytes_of;
use super::layer::{Call, Layer};
use super::operation::Effect;

/// Lets only so many calls, or bytes, pass in a second; the others wait for their turn, in order.
///
/// Bytes are those of batches and parts, written or read. What was read is counted when it is there, so that the next
/// call waits for it. What waits for news or for leadership passes freely. A caller that goes away leaves its turn unused.
#[derive(Clone, Debug)]
pub struct Throttle {
    unit: Unit,
    per_second: NonZeroU64,
    /// When the next turn is.
    next: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Calls,
    Bytes,
}

impl Throttle {
    /// So many calls a second.
    pub fn calls(per_second: NonZeroU64) -> Self {
        Self::new(Unit::Calls, per_second)
    }

    /// So many bytes a second.
    pub fn bytes(per_second: NonZeroU64) -> Self {
        Self::new(Unit::Bytes, per_second)
    }

    fn new(unit: Unit, per_second: NonZeroU64) -> Self {
        Self {
            unit,
            per_second,
            next: Arc::default(),
        }
    }

    /// Takes the next turn, which lasts as long as `amount` does at this pace; says when it begins.
    fn turn(&self, amount: usize) -> Instant {
        let nanos = (amount as u128) * 1_000_000_000 / u128::from(self.per_second.get());
        let lasts = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let now = Instant::now();
        let mut next = self.next.lock();
        let begins = next.map_or(now, |next| next.max(now));
        *next = Some(begins + lasts);
        begins
    }
}

impl Layer for Throttle {
    async fn run<T: Any + Send>(
        &self,
        call: Call,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        if call.operation.effect() == Effect::Waits {
            return attempt.await;
        }
        let amount = match self.unit {
            Unit::Calls => 1,
            Unit::Bytes => call.bytes,
        };
        sleep_until(self.turn(amount)).await;
        let answer = attempt.await;
        if let (Unit::Bytes, Ok(read)) = (self.unit, &answer) {
            self.turn(bytes_of(read));
        }
        answer
    }
}
