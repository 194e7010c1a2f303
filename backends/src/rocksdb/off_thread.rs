use super::error::error;
use standfast_core::{ErrorKind, Result};

/// Does the database's work away from the runtime's own threads: a disk that hangs must not stop those.
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
