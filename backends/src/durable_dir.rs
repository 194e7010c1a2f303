//! Directories that survive a power cut.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes a directory and those above it. Durable with all of them, also those that are there: whoever made them may have
/// died before it synced them.
pub(crate) fn create_dir_durably(dir: &Path) -> io::Result<()> {
    let Some(parent) = dir.parent() else {
        return Ok(());
    };
    let was_there = dir.is_dir();
    if parent.as_os_str().is_empty() {
        create_dir(dir)?;
        return sync_dir(Path::new("."));
    }
    create_dir_durably(parent)?;
    create_dir(dir)?;
    match sync_dir(parent) {
        // An operator's directory, which we did not make and may not read.
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
