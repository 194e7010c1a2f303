use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// Calls that stand still until they are let go on.
#[derive(Debug)]
pub(super) struct Stalls {
    standing: Mutex<usize>,
    /// One for each call that came to stand, until somebody has seen it.
    stopped: Semaphore,
    /// One for each call that may go on.
    let_go: Semaphore,
}

impl Default for Stalls {
    fn default() -> Self {
        Self {
            standing: Mutex::new(0),
            stopped: Semaphore::new(0),
            let_go: Semaphore::new(0),
        }
    }
}

impl Stalls {
    /// Waits for a call to stand still.
    pub(super) async fn stopped(&self) {
        take(&self.stopped).await;
    }

    /// Lets so many go on that stand.
    pub(super) fn let_go(&self, calls: usize) {
        let standing = self.standing.lock();
        let waiting = standing.saturating_sub(self.let_go.available_permits());
        self.let_go.add_permits(calls.min(waiting));
    }
}

/// A call that stands still, until it is dropped.
pub(super) struct Standing(Arc<Stalls>);

impl Standing {
    pub(super) fn begin(stalls: &Arc<Stalls>) -> Self {
        *stalls.standing.lock() += 1;
        stalls.stopped.add_permits(1);
        Self(Arc::clone(stalls))
    }

    /// # Cancel safety
    /// Cancel safe: a call that is dropped stands no longer.
    pub(super) async fn until_let_go(self) {
        take(&self.0.let_go).await;
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        *self.0.standing.lock() -= 1;
    }
}

async fn take(permits: &Semaphore) {
    permits.acquire().await.expect("never closed").forget();
}
