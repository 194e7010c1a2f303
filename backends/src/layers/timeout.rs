use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::Result;

use super::layer::{Call, Layer};
use super::operation::{Effect, Operation};

/// Gives calls up that take too long.
///
/// A read that is given up is `Timeout`. A write may have happened, and is told as its contract tells a lost answer: an
/// append is `Indeterminate`, which poisons its writer; what may simply be made again is `Unavailable`. What waits for
/// news or for leadership is never given up.
///
/// A store that blocks its caller's thread, as the writer of the `file` log does, cannot be given up by anybody on that
/// thread: the time-out comes when the call returns.
#[derive(Clone, Debug)]
pub struct Timeout {
    limit: Duration,
    others: Arc<BTreeMap<Operation, Duration>>,
}

impl Timeout {
    /// The same limit for every call.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            others: Arc::default(),
        }
    }

    /// Another limit for one operation, such as `verify`, which reads a whole snapshot.
    #[must_use]
    pub fn with(mut self, operation: Operation, limit: Duration) -> Self {
        Arc::make_mut(&mut self.others).insert(operation, limit);
        self
    }
}

impl Layer for Timeout {
    async fn run<T: Any + Send>(
        &self,
        call: Call,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let effect = call.operation.effect();
        if effect == Effect::Waits {
            return attempt.await;
        }
        let limit = *self.others.get(&call.operation).unwrap_or(&self.limit);
        match tokio::time::timeout(limit, attempt).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(call
                .operation
                .error(effect.timed_out())
                .context(format!("no answer within {limit:?}"))),
        }
    }
}
