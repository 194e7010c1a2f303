use std::path::Path;
use std::time::Duration;

use inotify::{Inotify, WatchDescriptor, WatchMask};
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

#[cfg(test)]
use standfast_core::conformance::News;

/// How long to wait at most before looking again: what inotify cannot see (another host, a lost event) is found
/// this late.
const PATIENCE: Duration = Duration::from_millis(5);

/// Wakes a reader when something may have changed in a directory or in one file. Only a hint: the reader looks for itself
/// (R4).
#[derive(Debug)]
pub(super) struct Hint {
    inotify: Option<AsyncFd<Inotify>>,
    file: Option<WatchDescriptor>,
    #[cfg(test)]
    news: Option<(News, u8)>,
}

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
        let inotify = watch()
            .inspect_err(|error| tracing::debug!(%error, "no inotify; followers look every 5 ms"))
            .ok();
        Self {
            inotify,
            file: None,
            #[cfg(test)]
            news: None,
        }
    }

    /// From now on also watches what is written to this file, and no longer to the one before.
    ///
    /// Watching its directory is not enough: a segment is written through the file that was opened under a temporary
    /// name, and the kernel tells of writes only the directory of the name that was opened.
    pub(super) fn follow(&mut self, file: &Path) {
        #[cfg(test)]
        if self.is_deaf() {
            return;
        }
        let Some(inotify) = &self.inotify else {
            return;
        };
        let mut watches = inotify.get_ref().watches();
        let followed = watches.add(file, WatchMask::MODIFY);
        let followed = followed
            .inspect_err(|error| tracing::debug!(%error, file = %file.display(), "not watched"))
            .ok();
        let before = std::mem::replace(&mut self.file, followed);
        if let Some(before) = before.filter(|before| self.file.as_ref() != Some(before))
            && let Err(error) = watches.remove(before)
        {
            tracing::debug!(%error, "a segment that is gone is not watched any more");
        }
    }

    /// Returns when it may be worth looking.
    ///
    /// Cancel safe: what woke us is taken only after the wait, and the caller looks before it waits again.
    pub(super) async fn wait(&mut self) {
        #[cfg(test)]
        if !self.is_worth_waiting().await {
            return;
        }
        let Some(fd) = &mut self.inotify else {
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

#[cfg(test)]
impl Hint {
    /// How often news come again.
    const AGAIN: u8 = 10;

    /// From now on it tells what `news` says.
    pub(super) fn mislead(&mut self, news: Option<News>) {
        self.news = news.map(|news| (news, 0));
        if self.is_deaf() {
            // As where events are lost: its descriptor lives, and stays silent.
            self.inotify = Self::watch(&[]).inotify;
        }
    }

    /// Whether it watches nothing, and does not know.
    fn is_deaf(&self) -> bool {
        matches!(self.news, Some((News::Lost, _)))
    }

    /// Whether to wait for the true news; otherwise those that are told have come.
    async fn is_worth_waiting(&mut self) -> bool {
        match &mut self.news {
            None | Some((News::Lost, _)) => true,
            Some((News::Late, _)) => {
                tokio::time::sleep(PATIENCE * 2).await;
                true
            }
            Some((News::Repeated, told)) => {
                *told = (*told + 1) % Self::AGAIN;
                *told == 0
            }
            Some((News::Invented, _)) => {
                tokio::task::yield_now().await;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::file::exclusive::Draft;

    fn was_told(hint: &mut Hint) -> bool {
        let inotify = hint.inotify.as_mut().unwrap().get_mut();
        let mut buffer = [0; 4096];
        match inotify.read_events(&mut buffer) {
            Ok(events) => events.count() > 0,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                false
            }
        }
    }

    #[tokio::test]
    async fn a_write_through_the_file_that_became_a_segment_wakes_the_reader() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, segments) = (dir.path().join("tmp"), dir.path().join("segments"));
        std::fs::create_dir(&tmp).unwrap();
        std::fs::create_dir(&segments).unwrap();
        let make = |name| Draft::begin(&tmp, name).unwrap().link(&segments, name);
        let first = make("first").unwrap().unwrap();
        let second = make("second").unwrap().unwrap();
        let mut hint = Hint::watch(&[&segments]);

        hint.follow(&segments.join("first"));
        first.write_all_at(b"frame", 0).unwrap();
        assert!(was_told(&mut hint));

        hint.follow(&segments.join("second"));
        was_told(&mut hint);
        second.write_all_at(b"frame", 0).unwrap();
        assert!(was_told(&mut hint));
        first.write_all_at(b"late", 8).unwrap();
        assert!(!was_told(&mut hint), "it is read no more");
    }
}
