use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use standfast_core::{Error, ErrorKind, Result};

/// A node's claim on its `data_dir`; the kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Creates the directory if it is not there, and takes it.
    ///
    /// # Errors
    /// `Unavailable` naming the process that has it; `Quota` when its disk is full; `Config` when it cannot be created or
    /// written for another reason.
    pub fn take(data_dir: &Path) -> Result<Self> {
        let name = format!("[node] data_dir = \"{}\"", data_dir.display());
        if data_dir.is_file() {
            return Err(Error::new(ErrorKind::Config, "open data_dir")
                .context(format!("{name} is a file: name a directory, or remove it")));
        }
        let unusable = |source: io::Error| {
            let (kind, way_out) = match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    (ErrorKind::Quota, "make room on its disk")
                }
                _ => (ErrorKind::Config, "check the path, and who owns it"),
            };
            Error::new(kind, "open data_dir")
                .context(format!("{name} cannot be written: {way_out}"))
                .source(source)
        };
        make_durable(data_dir).map_err(unusable)?;
        let path = data_dir.join("LOCK");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = file.read_to_string(&mut holder).is_ok();
                let holder = if read { holder.trim() } else { "unknown" };
                return Err(
                    Error::new(ErrorKind::Unavailable, "open data_dir").context(format!(
                        "{name} is in use by process {holder}: every node needs a data_dir of its own"
                    )),
                );
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
            .map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

/// Makes a directory and its name durable, and those above it: what the node keeps in it must not be lost with it.
fn make_durable(data_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    for directory in fs::canonicalize(data_dir)?.ancestors().skip(1) {
        match File::open(directory).and_then(|directory| directory.sync_all()) {
            // An operator's directory, which we may not read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_dir_has_one_owner_and_the_second_is_told_who() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirLock::take(dir.path()).unwrap();
        let error = DataDirLock::take(dir.path()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Unavailable);
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        DataDirLock::take(dir.path()).unwrap();
    }
}
