use std::path::Path;
use std::time::Duration;

use inotify::{Inotify, WatchMask};
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

/// How long to wait at most before looking again: what inotify cannot see (another host, a lost event) is found
/// this late.
const PATIENCE: Duration = Duration::from_millis(5);

/// Wakes a reader when something may have changed in a directory. Only a hint: the reader looks for itself (R4).
#[derive(Debug)]
pub(super) struct Hint(Option<AsyncFd<Inotify>>);

impl Hint {
    /// Watches `dirs`, as far as this system lets us.
    pub(super) fn watch(dirs: &[&Path]) -> Self {
        let mask = WatchMask::CREATE | WatchMask::MODIFY | WatchMask::MOVED_TO;
        let watch = || -> std::io::Result<_> {
            let inotify = Inotify::init()?;
            for dir in dirs {
                inotify.watches().add(dir, mask)?;
            }
            #[expect(
                deprecated,
                reason = "its successor is unsafe; an Inotify owns its descriptor and never swaps it"
            )]
            AsyncFd::new(inotify)
        };
        match watch() {
            Ok(fd) => Self(Some(fd)),
            Err(error) => {
                tracing::debug!(%error, "no inotify; followers look every 5 ms");
                Self(None)
            }
        }
    }

    /// Returns when it may be worth looking.
    ///
    /// Cancel safe: what woke us is taken only after the wait, and the caller looks before it waits again.
    pub(super) async fn wait(&mut self) {
        let Some(fd) = &mut self.0 else {
            return tokio::time::sleep(PATIENCE).await;
        };
        if let Ok(Ok(mut ready)) = timeout(PATIENCE, fd.readable_mut()).await {
            // As many events as fit are one reason to look; when none is left, the next wait sleeps.
            let mut buffer = [0; 4096];
            let drained =
                ready.try_io(|fd| fd.get_mut().read_events(&mut buffer).map(|_events| ()));
            drop(drained);
        }
    }
}
