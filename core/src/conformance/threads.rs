//! Threads beside the one of a case: two processes that do something at the same time.

use std::future::Future;
use std::thread::JoinHandle;
use std::time::Duration;

use super::failure::{Failure, Outcome};

/// Runs `work` on a thread and a runtime of its own: it may block.
pub(super) fn beside<T: Send + 'static>(
    work: impl Future<Output = Outcome<T>> + Send + 'static,
) -> JoinHandle<Outcome<T>> {
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?
            .block_on(work)
    })
}

/// What came of it.
pub(super) fn join<T>(thread: JoinHandle<Outcome<T>>) -> Outcome<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Failure::new("a thread of the case panicked")))
}

/// Waits until the thread has ended.
pub(super) async fn ended<T>(thread: &JoinHandle<T>) {
    let mut looks = tokio::time::interval(Duration::from_millis(1));
    while !thread.is_finished() {
        looks.tick().await;
    }
}
