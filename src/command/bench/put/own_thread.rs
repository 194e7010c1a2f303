use std::future::Future;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::command::Failure;

/// A thread that drives a runtime of its own, as the only thread of a client does: what a call takes then has no
/// part of threads of the same client that wake each other.
pub(super) struct OwnThread {
    runtime: Handle,
    /// Ends the thread when it is dropped.
    _running: oneshot::Sender<()>,
}

impl OwnThread {
    pub(super) fn start() -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("bench-client".to_owned())
            .spawn(move || runtime.block_on(stopped).is_ok())?;
        Ok(Self {
            runtime: handle,
            _running: running,
        })
    }

    /// Runs something on it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.runtime.spawn(task).await?
    }
}
