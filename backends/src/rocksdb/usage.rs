use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::statvfs;

use super::error::{error, io_error};
use super::options::MAX_WAL;
use standfast_core::{ByteSize, ErrorKind, Result, Usage};

/// What is left free of the disk: room to open the database again, which writes its write-ahead log out to files, to begin
/// a term, and to trim.
const RESERVE: u64 = 2 * MAX_WAL;

/// The lengths of all files that hold entries, and the room on their file system.
pub(super) fn of(dir: &Path, limit: Option<ByteSize>) -> Result<Usage> {
    Ok(Usage {
        bytes: lengths(dir).map_err(|source| io_error("usage", dir, source))?,
        limit: limit.map(|limit| limit.0),
        available: Some(room("usage", dir)?),
    })
}

/// Whether there is room for so many bytes more, looked at before anything is written: a database that meets a full disk
/// has to be opened anew.
///
/// # Errors
/// `Quota`.
pub(super) fn check_room(dir: &Path, bytes: u64) -> Result<()> {
    let room = room("append", dir)?;
    if bytes <= room {
        return Ok(());
    }
    Err(error(ErrorKind::Quota, "append").context(format!(
        "{} has room for {} besides the {} that are kept free, and the batch takes {bytes} bytes: make room on its disk",
        dir.display(),
        ByteSize(room),
        ByteSize(RESERVE)
    )))
}

fn room(operation: &'static str, dir: &Path) -> Result<u64> {
    let disk = statvfs(dir).map_err(|source| io_error(operation, dir, source.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    Ok(free.saturating_sub(RESERVE))
}

fn lengths(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("sst" | "log")) {
            continue;
        }
        match entry.metadata() {
            Ok(file) => sum += file.len(),
            // Gone just now.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}
