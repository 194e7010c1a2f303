//! Files that appear whole, durably, and once.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::durable_dir::sync_dir;

/// A draft that lies there for longer without a lock has no maker any more.
const ORPHANED: Duration = Duration::from_mins(1);

/// A file in the making, locked as long as its maker lives. Removed when it is dropped before [`Self::link`], and by
/// [`sweep`] when its maker died.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    /// Begins a file in `tmp`; `name` is for people who find it there after a crash.
    pub(super) fn begin(tmp: &Path, name: &str) -> io::Result<Self> {
        let path = tmp.join(format!("{name}.{:016x}", rand::random::<u64>()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // Without locks nobody sweeps either.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self { path, file })
    }

    /// The file, to be filled and synced.
    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Gives the synced file its name in `dir`; `None` when the name is taken. The name is durable when `dir` was
    /// synced after this.
    pub(super) fn link(self, dir: &Path, name: &str) -> io::Result<Option<File>> {
        let file = self.file.try_clone()?;
        match fs::hard_link(&self.path, dir.join(name)) {
            // The temporary name goes when `self` is dropped.
            Ok(()) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "left a temporary file behind");
        }
    }
}

/// Removes the drafts in `tmp` whose makers are dead: nobody holds their lock, which is taken a moment after a draft is
/// made, and they have lain there for a while.
pub(super) fn sweep(tmp: &Path) -> io::Result<()> {
    for entry in fs::read_dir(tmp)? {
        let path = entry?.path();
        if is_orphan(&path).unwrap_or(false) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn is_orphan(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let modified = file.metadata()?.modified()?;
    // The clocks of people are good enough for tidying up.
    let old = modified.elapsed().is_ok_and(|age| age > ORPHANED);
    Ok(old && file.try_lock().is_ok())
}

/// Creates `dir/name` with `content`; false when it is there already, whatever it holds.
pub(super) fn create(tmp: &Path, dir: &Path, name: &str, content: &[u8]) -> io::Result<bool> {
    let draft = Draft::begin(tmp, name)?;
    draft.file().write_all(content)?;
    draft.file().sync_all()?;
    let created = draft.link(dir, name)?.is_some();
    // Also when another created it: it must not vanish after we have seen it.
    sync_dir(dir)?;
    Ok(created)
}

/// Puts `content` in the place of `dir/name`, whole or not at all. Only for files that one node owns, and that say nothing
/// any more after a power cut: the name is not synced.
pub(super) fn replace(tmp: &Path, dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let path = tmp.join(format!("{name}.{:016x}", rand::random::<u64>()));
    let mut file = File::create_new(&path)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&path, dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_twenty_creators_one_wins_and_its_content_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = tempfile::tempdir_in(dir.path()).unwrap();
        let won: Vec<_> = std::thread::scope(|scope| {
            let create = |n: u8| {
                let (tmp, dir) = (tmp.path(), dir.path());
                scope.spawn(move || create(tmp, dir, "one", &[n; 1000]).unwrap().then_some(n))
            };
            let racers: Vec<_> = (0..20).map(create).collect();
            racers
                .into_iter()
                .filter_map(|racer| racer.join().unwrap())
                .collect()
        });
        assert_eq!(won.len(), 1);
        assert_eq!(fs::read(dir.path().join("one")).unwrap(), [won[0]; 1000]);
        assert_eq!(fs::read_dir(tmp.path()).unwrap().count(), 0, "no leftovers");
    }

    #[test]
    fn a_draft_is_swept_when_it_is_old_and_its_maker_is_gone() {
        let tmp = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH;
        let alive = Draft::begin(tmp.path(), "alive").unwrap();
        alive.file().set_modified(old).unwrap();
        let orphan = tmp.path().join("orphan.1");
        File::create(&orphan).unwrap().set_modified(old).unwrap();
        let fresh = tmp.path().join("fresh.1");
        drop(File::create(&fresh).unwrap());
        sweep(tmp.path()).unwrap();
        assert!(alive.path.exists() && fresh.exists() && !orphan.exists());
    }
}
