use std::time::Duration;

use super::error::error;
use standfast_core::{ErrorKind, Result};

/// How long something is waited for that nobody can await.
const PATIENCE: Duration = Duration::from_millis(200);

/// Does disk work away from the runtime's own threads: a disk that hangs must not stop those.
///
/// Not cancel safe: the work is done to its end, though nobody waits for it any more.
pub(super) async fn off_thread<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(error(ErrorKind::Unavailable, operation).source(source)),
    }
}

/// Does disk work for a `drop`, and waits for it a little.
pub(super) fn briefly(name: &str, work: impl FnOnce() + Send + 'static) {
    let (alive, ended) = std::sync::mpsc::channel::<()>();
    let spawned = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _alive = alive;
            work();
        });
    match spawned {
        Ok(_left_to_itself) => drop(ended.recv_timeout(PATIENCE)),
        Err(error) => tracing::debug!(%error, name, "cannot start a thread"),
    }
}
