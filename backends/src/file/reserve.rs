use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::is_full;

/// Room that ordinary batches must not take, so that on a full disk a new term can still begin and trim can still
/// write its floor: a file of zeros that is cut when it is needed.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    whole: AtomicBool,
}

impl Reserve {
    const SIZE: u64 = 4 << 20;
    const STEP: u64 = 1 << 20;

    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            whole: AtomicBool::new(false),
        }
    }

    /// Fills the reserve up again. Nothing else may grow before it is whole.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn restore(&self) -> io::Result<()> {
        if self.whole.load(Ordering::Relaxed) {
            return Ok(());
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)?;
        let length = file.metadata()?.len();
        if length < Self::SIZE {
            zero(&file, length, Self::SIZE)?;
        }
        self.whole.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Does `what`, and does it again with more and more of the reserve while the disk is full.
    pub(super) fn with<T>(&self, what: impl Fn() -> io::Result<T>) -> io::Result<T> {
        loop {
            match what() {
                Err(error) if is_full(&error) && self.release()? => {}
                result => return result,
            }
        }
    }

    /// Gives a piece back to the disk; whether there was one.
    fn release(&self) -> io::Result<bool> {
        self.whole.store(false, Ordering::Relaxed);
        let file = File::options().write(true).open(&self.path)?;
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(Self::STEP))?;
        // Some file systems give blocks back only when the cut is on the disk.
        file.sync_all()?;
        Ok(length > 0)
    }
}

/// Writes zeros from `from` to `to` and makes them and the new length durable.
pub(super) fn zero(file: &File, from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).map_or(ZEROS.len(), |rest| rest.min(ZEROS.len()));
        file.write_all_at(ZEROS.get(..length).unwrap_or(&ZEROS), at)?;
        at += length as u64;
    }
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_full_disk_is_met_with_a_part_of_the_reserve_which_is_then_made_whole_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let length = || std::fs::metadata(&path).unwrap().len();
        let reserve = Reserve::new(path.clone());
        reserve.restore().unwrap();
        assert_eq!(length(), Reserve::SIZE);
        let tries = Cell::new(0);
        let result = reserve.with(|| {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(length())
        });
        assert_eq!(result.unwrap(), Reserve::SIZE - Reserve::STEP);
        reserve.restore().unwrap();
        assert_eq!(length(), Reserve::SIZE);
    }

    #[test]
    fn what_needs_much_room_gets_the_whole_reserve_and_then_hears_that_the_disk_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let length = || std::fs::metadata(&path).unwrap().len();
        let reserve = Reserve::new(path.clone());
        reserve.restore().unwrap();
        let wants = |left: u64| {
            if length() > left {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        };
        reserve.with(|| wants(Reserve::STEP)).unwrap();
        assert_eq!(length(), Reserve::STEP);
        let full = reserve.with(|| Err::<(), _>(io::ErrorKind::StorageFull.into()));
        assert!(is_full(&full.unwrap_err()));
        assert_eq!(length(), 0);
    }
}
