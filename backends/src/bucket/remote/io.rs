use std::sync::OnceLock;

use standfast_core::{ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::bucket::error::fail;

/// Of which two make TLS for parts that go at once.
const THREADS: usize = 2;

/// The runtime that talks to the stores of this process; it is never shut down.
///
/// A connection lives on the runtime that made it and is used again by whoever comes next: where that runtime is not driven,
/// because its thread waits or it has ended, the call of another would hang. Nor do a node's own tasks wait behind
/// parts that are encrypted.
pub(super) fn io() -> Result<Handle> {
    static IO: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = IO.get() {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("standfast-bucket")
        .enable_all()
        .build()
        .map_err(|source| {
            fail(
                ErrorKind::Unavailable,
                "open bucket",
                "no threads can be started",
            )
            .source(source)
        })?;
    // Another may have been quicker; dropping a runtime waits for its threads, which is not for an async worker.
    if let Err(second) = IO.set(made) {
        second.shutdown_background();
    }
    IO.get()
        .map(|runtime| runtime.handle().clone())
        .ok_or_else(|| {
            fail(
                ErrorKind::Unavailable,
                "open bucket",
                "no threads were started",
            )
        })
}
