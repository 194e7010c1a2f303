use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::statvfs;

use super::error::io_error;
use super::log_dir::LogDir;
use standfast_core::{ByteSize, Result, Usage};

/// The lengths of all segments, zeros ahead of the writer included, and the room on their file system.
pub(super) fn of(dir: &LogDir, limit: Option<ByteSize>) -> Result<Usage> {
    let path = dir.segments().path();
    let failed = |source| io_error("usage", path, source);
    let disk = statvfs(path).map_err(|source| failed(source.into()))?;
    Ok(Usage {
        bytes: lengths(path).map_err(failed)?,
        limit: limit.map(|limit| limit.0),
        available: Some(disk.f_bavail.saturating_mul(disk.f_frsize)),
    })
}

fn lengths(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        match entry?.metadata() {
            Ok(file) => sum += file.len(),
            // Trimmed just now.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}
