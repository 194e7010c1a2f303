use standfast_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

/// A thread whose end can be awaited, for as long as one likes.
#[derive(Debug)]
pub(crate) struct Thread<T> {
    handle: std::thread::JoinHandle<T>,
    /// Closed by the thread's end, a panic included.
    running: watch::Receiver<()>,
}

impl<T: Send + 'static> Thread<T> {
    /// Starts `standfast-{name}`.
    pub(crate) fn spawn(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        let (alive, running) = watch::channel(());
        std::thread::Builder::new()
            .name(format!("standfast-{name}"))
            .spawn(move || {
                let _alive = alive;
                run()
            })
            .map(|handle| Self { handle, running })
            .map_err(|source| {
                Error::new(ErrorKind::Unavailable, "start term")
                    .context(format!("cannot start the {name} thread"))
                    .source(source)
            })
    }

    /// Waits for its end.
    ///
    /// Cancel safe: call it again.
    pub(crate) async fn over(&mut self) {
        while self.running.changed().await.is_ok() {}
    }

    /// What it returned, if it has ended and not by a panic; else the thread is left to itself.
    pub(crate) fn result(self) -> Option<T> {
        let over = self.running.has_changed().is_err();
        if over { self.handle.join().ok() } else { None }
    }
}
