use standfast_core::{Error, ErrorKind, Result};

/// Does what blocks away from the runtime's own threads: a store that hangs must not stop those.
///
/// Not cancel safe: the work is done to its end, though nobody waits for it any more.
pub(crate) async fn off_thread<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(Error::new(ErrorKind::Unavailable, operation).source(source)),
    }
}
