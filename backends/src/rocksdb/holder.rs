//! Who holds the lock of a database.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{major, minor};

/// The process that holds a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pid: u32,
    stands_still: bool,
}

impl Holder {
    /// Who holds the lock of the database in `dir`, as far as one can see.
    ///
    /// Read from the kernel's table, without opening the file: a process that closes any descriptor of it gives up its
    /// own lock on it.
    pub(super) fn of(dir: &Path) -> Option<Self> {
        let lock = fs::metadata(dir.join("LOCK")).ok()?;
        let table = fs::read_to_string("/proc/locks").ok()?;
        let file = (
            format!("{:02x}:{:02x}", major(lock.dev()), minor(lock.dev())),
            lock.ino(),
        );
        let pid = table.lines().find_map(|line| holder_in(line, &file))?;
        Some(Self {
            pid,
            stands_still: stands_still(pid),
        })
    }

    /// Whether it may go away by itself in a moment.
    pub(super) fn may_be_leaving(self) -> bool {
        !self.stands_still && self.pid != std::process::id()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stands_still {
            return write!(
                f,
                "process {0}, which stands still: let it go on (kill -CONT {0}), or end it (kill -9 {0}) and another \
                 node takes over",
                self.pid
            );
        }
        let own = if self.pid == std::process::id() {
            " (this one)"
        } else {
            ""
        };
        write!(
            f,
            "process {}{own}: wait until it gives its term up, or stop it",
            self.pid
        )
    }
}

/// `1: POSIX  ADVISORY  WRITE 4711 fe:00:1310730 0 EOF`, for the file of this device and inode.
fn holder_in(line: &str, (device, inode): &(String, u64)) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let kind = words.next()?;
    let (mode, pid, file) = (words.nth(1)?, words.next()?, words.next()?);
    let found = file.rsplit_once(':')?;
    let is_it = found.0 == device && found.1.parse() == Ok(*inode);
    (kind == "POSIX" && mode == "WRITE" && is_it).then(|| pid.parse().ok())?
}

/// Whether a signal or a debugger has stopped it.
fn stands_still(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // `4711 (any (name)) T ..`
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next());
    matches!(state, Some("T" | "t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_lock_names_its_holder() {
        let line = "1: POSIX  ADVISORY  WRITE 4711 fe:00:1310730 0 EOF";
        let file = |device: &str, inode| (device.to_owned(), inode);
        let ours = file("fe:00", 1_310_730);
        assert_eq!(holder_in(line, &ours), Some(4711));
        assert_eq!(holder_in(line, &file("fe:00", 1_310_731)), None);
        assert_eq!(holder_in(line, &file("00:2c", 1_310_730)), None);
        let other = "2: FLOCK  ADVISORY  WRITE 4711 fe:00:1310730 0 EOF";
        assert_eq!(holder_in(other, &ours), None);
        assert_eq!(holder_in("", &ours), None);
    }
}
