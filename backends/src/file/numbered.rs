use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{RawDir, SeekFrom, seek};

/// The width of a number in a name.
const DIGITS: usize = 20;

/// A number as a name.
pub(super) fn name(number: u64) -> String {
    format!("{number:020}")
}

/// The number that `name` is; `None` for anything but exactly 20 digits.
pub(super) fn parse(name: &[u8]) -> Option<u64> {
    if name.len() != DIGITS || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// A directory whose files are named by numbers: fences, floors, granted epochs.
///
/// Holds the directory open and allocates nothing when it lists. A listing costs a few microseconds and half of one
/// for each file: what is asked after every sync must be a directory with few (see `fence`).
#[derive(Debug)]
pub(super) struct NumberedDir {
    path: PathBuf,
    dir: File,
    buffer: Vec<u8>,
}

impl NumberedDir {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            dir: File::open(path)?,
            buffer: Vec::with_capacity(32 << 10),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The largest number there is.
    pub(super) fn largest(&mut self) -> io::Result<Option<u64>> {
        let mut largest = None;
        self.each(|number| largest = largest.max(Some(number)))?;
        Ok(largest)
    }

    /// Whether there is a file with this number.
    pub(super) fn has(&self, number: u64) -> io::Result<bool> {
        self.path.join(name(number)).try_exists()
    }

    /// The numbers above `number`, in no order.
    pub(super) fn above(&mut self, number: u64) -> io::Result<Vec<u64>> {
        let mut found = Vec::new();
        self.each(|other| found.extend((other > number).then_some(other)))?;
        Ok(found)
    }

    fn each(&mut self, mut see: impl FnMut(u64)) -> io::Result<()> {
        seek(&self.dir, SeekFrom::Start(0))?;
        let mut entries = RawDir::new(&self.dir, self.buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            if let Some(number) = parse(entry?.file_name().to_bytes()) {
                see(number);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_is_found_among_other_names_and_many() {
        let dir = tempfile::tempdir().unwrap();
        let mut numbered = NumberedDir::open(dir.path()).unwrap();
        assert_eq!(numbered.largest().unwrap(), None);
        for n in 0..3000_u64 {
            File::create(dir.path().join(name(n * 7 % 3001))).unwrap();
        }
        for other in ["99999999999999999999x", "4", "zzzzzzzzzzzzzzzzzzzz"] {
            File::create(dir.path().join(other)).unwrap();
        }
        assert_eq!(numbered.largest().unwrap(), Some(3000));
        File::create(dir.path().join(name(u64::MAX))).unwrap();
        assert_eq!(numbered.largest().unwrap(), Some(u64::MAX));
    }
}
