use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use object_store::path::Path as ObjectPath;
use parking_lot::Mutex;
use standfast_core::Result;

use super::error::from_io;

/// What a `file://` bucket needs beyond the object store: directories that survive a power cut.
///
/// `LocalFileSystem` with fsync syncs a file, the directory it is linked into, and directories *it* created. What
/// is left: a directory that another writer created and has not synced yet. Whoever writes into it first makes
/// it durable here, so that an object never hangs on somebody else's sync.
#[derive(Debug)]
pub(super) struct LocalDirs {
    root: PathBuf,
    durable: Mutex<BTreeSet<PathBuf>>,
}

impl LocalDirs {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self {
            root,
            durable: Mutex::new(BTreeSet::new()),
        }
    }

    /// Makes the folder of `object` exist durably.
    pub(super) fn ensure_parent(&self, object: &ObjectPath) -> Result<()> {
        match self.path(object).parent() {
            Some(folder) => self.ensure(folder.to_owned()),
            None => Ok(()),
        }
    }

    /// Makes a folder exist durably.
    pub(super) fn ensure_folder(&self, folder: &ObjectPath) -> Result<()> {
        self.ensure(self.path(folder))
    }

    fn ensure(&self, folder: PathBuf) -> Result<()> {
        if self.durable.lock().contains(&folder) {
            return Ok(());
        }
        make_durable(&folder, &self.root)?;
        self.durable.lock().insert(folder);
        Ok(())
    }

    /// Syncs the directory entry of an object that somebody, maybe we, created.
    pub(super) fn sync_entry(&self, object: &ObjectPath) -> Result<()> {
        match self.path(object).parent() {
            Some(folder) => sync(folder).map_err(|e| from_io("sync directory", folder, e)),
            None => Ok(()),
        }
    }

    /// Removes what a killed writer left in a folder that nobody may write any more: staged files (`name#n`), then
    /// the folder when it is empty. Returns the number of files removed.
    pub(super) fn sweep(&self, folder: &ObjectPath) -> Result<u64> {
        let folder = self.path(folder);
        sweep(&folder).map_err(|e| from_io("collect", &folder, e))
    }

    /// The folders in a folder. Listing objects does not show one that holds nothing but what a killed writer staged.
    pub(super) fn folders(&self, folder: &ObjectPath) -> Result<Vec<String>> {
        let folder = self.path(folder);
        folders(&folder).map_err(|e| from_io("collect", &folder, e))
    }

    /// Removes what killed writers staged in a folder that others write into, if it was last written before `before`,
    /// which counts from 1970. Returns the number of files removed.
    pub(super) fn sweep_old(&self, folder: &ObjectPath, before: Duration) -> Result<u64> {
        let folder = self.path(folder);
        sweep_old(&folder, UNIX_EPOCH + before).map_err(|e| from_io("collect", &folder, e))
    }

    fn path(&self, object: &ObjectPath) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(object.parts().map(|part| part.as_ref().to_owned()));
        path
    }
}

/// Creates `folder` and syncs it and every directory above it, up to `last`: no entry on the way can be lost in a power
/// cut, not even one whose maker died before it synced it.
pub(super) fn make_durable(folder: &Path, last: &Path) -> Result<()> {
    let there = folder.ancestors().find(|path| path.exists());
    let there = there.unwrap_or(folder).to_owned();
    fs::create_dir_all(folder).map_err(|e| from_io("create directory", folder, e))?;
    for directory in folder.ancestors() {
        let was_there = directory != folder && there.starts_with(directory);
        match sync(directory) {
            Ok(()) => {}
            // An operator's directory around the bucket, which we did not make and may not read.
            Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(from_io("sync directory", directory, error)),
        }
        if directory == last {
            break;
        }
    }
    Ok(())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn sweep(folder: &Path) -> io::Result<u64> {
    let mut removed = 0;
    for entry in entries(folder)? {
        if is_staged(&entry) {
            removed += u64::from(gone(fs::remove_file(entry.path()))?);
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
        other => drop(gone(other)?),
    }
    Ok(removed)
}

fn sweep_old(folder: &Path, before: SystemTime) -> io::Result<u64> {
    let mut removed = 0;
    for entry in entries(folder)?.iter().filter(|entry| is_staged(entry)) {
        // One that vanishes meanwhile was another's to finish.
        let written = entry.metadata().and_then(|file| file.modified());
        if written.is_ok_and(|written| written < before) {
            removed += u64::from(gone(fs::remove_file(entry.path()))?);
        }
    }
    Ok(removed)
}

fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        if entry.file_type()?.is_dir() {
            found.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(found)
}

/// What is in a folder; nothing when it is not there.
fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// `LocalFileSystem` writes `name#n` and renames or links it when it is whole.
fn is_staged(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().contains('#')
}

/// Whether it was us who removed it.
fn gone(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
