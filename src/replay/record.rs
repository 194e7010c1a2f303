use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use standfast_core::{BootInstant, Clock, Error, ErrorKind, Result};

use super::BlockKey;

/// The first line: what the file is, and the version of its format.
const MAGIC: &str = "standfast acknowledgements 1";

/// What the master acknowledged, on the client's own disk.
///
/// ```text
///   standfast acknowledgements 1\n
///   <microseconds since the load began> <key, 32 hex digits>\n          a line an acknowledged put
/// ```
///
/// Lines of text, so that it can be read with nothing but a pager. Only ever appended to. A line is in the kernel's hands
/// before the acknowledgement is counted: the record outlives the process that writes it. A last line without an end is
/// from a client that was killed while writing, and counts as not acknowledged.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    file: Mutex<File>,
    clock: Clock,
    began: BootInstant,
}

/// One acknowledged put, as [`Record::read`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Microseconds since the load began.
    pub at_us: u64,
    /// The key that was put.
    pub key: BlockKey,
}

impl Record {
    /// A new record.
    ///
    /// # Errors
    /// `AlreadyExists` when the file is there: a record is never written over. `Unavailable` with what the file system
    /// said.
    pub fn create(path: &Path, clock: Clock) -> Result<Self> {
        let opened = OpenOptions::new().append(true).create_new(true).open(path);
        let mut file = opened.map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => {
                let text = format!(
                    "{} is there already, and a record is never written over: remove it or name another",
                    path.display()
                );
                Error::new(ErrorKind::AlreadyExists, "create record").context(text)
            }
            _ => failed("create record", path, source),
        })?;
        file.write_all(format!("{MAGIC}\n").as_bytes())
            .map_err(|source| failed("create record", path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            began: clock.now(),
            clock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds puts that were acknowledged just now.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be written: the load must stop, or its verdict would be worth nothing.
    ///
    /// # Durability
    /// Survives the end of this process, not that of the machine; [`Self::sync`] does.
    pub fn add(&self, keys: &[BlockKey]) -> Result<()> {
        let at = self.clock.now().since(self.began).as_micros();
        let lines: Vec<_> = keys.iter().map(|key| format!("{at} {key}\n")).collect();
        self.file
            .lock()
            .write_all(lines.concat().as_bytes())
            .map_err(|source| failed("write record", &self.path, source))
    }

    /// Makes what was added survive the end of the machine.
    ///
    /// # Errors
    /// `Unavailable` with what the file system said.
    pub fn sync(&self) -> Result<()> {
        self.file
            .lock()
            .sync_data()
            .map_err(|source| failed("sync record", &self.path, source))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// `Version` when it is not a record of this format, `Corrupt` for a line that is none, with its number.
    pub fn read(path: &Path) -> Result<Vec<Acknowledged>> {
        let file = File::open(path).map_err(|source| failed("read record", path, source))?;
        let mut lines = BufReader::new(file);
        let mut line = String::new();
        let mut next = |line: &mut String| {
            line.clear();
            let read = lines.read_line(line);
            read.map_err(|source| failed("read record", path, source))
        };
        next(&mut line)?;
        if line.trim_end() != MAGIC {
            let text = format!("{} does not begin with `{MAGIC}`", path.display());
            return Err(Error::new(ErrorKind::Version, "read record").context(text));
        }
        let mut found = Vec::new();
        while next(&mut line)? > 0 && line.ends_with('\n') {
            found.push(parse(line.trim_end()).ok_or_else(|| {
                let text = format!("{}: line {}", path.display(), found.len() + 2);
                Error::new(ErrorKind::Corrupt, "read record").context(text)
            })?);
        }
        Ok(found)
    }
}

fn parse(line: &str) -> Option<Acknowledged> {
    let (at, key) = line.split_once(' ')?;
    Some(Acknowledged {
        at_us: at.parse().ok()?,
        key: BlockKey::parse(key)?,
    })
}

fn failed(operation: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .context(path.display().to_string())
        .source(source)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn record(clock: &Clock) -> (tempfile::TempDir, PathBuf, Record) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        let record = Record::create(&path, clock.clone()).unwrap();
        (dir, path, record)
    }

    #[test]
    fn what_was_added_is_read_back_in_order() {
        let clock = Clock::manual();
        let (_dir, path, record) = record(&clock);
        let keys = [1, 2, 3].map(|id| BlockKey::of(id, 0));
        record.add(&keys[..2]).unwrap();
        clock.advance(Duration::from_micros(250));
        record.add(&keys[2..]).unwrap();

        let found = Record::read(&path).unwrap();

        assert_eq!(found.iter().map(|one| one.key).collect::<Vec<_>>(), keys);
        assert_eq!(
            found.iter().map(|one| one.at_us).collect::<Vec<_>>(),
            [0, 0, 250]
        );
    }

    #[test]
    fn a_line_without_an_end_was_not_acknowledged_and_a_damaged_one_is_named() {
        let (_dir, path, record) = record(&Clock::manual());
        record.add(&[BlockKey::of(1, 0)]).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(Record::read(&path).unwrap(), []);

        fs::write(&path, [&whole[..], b"0 nonsense\n"].concat()).unwrap();
        let error = Record::read(&path).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Corrupt);
        assert!(error.to_string().contains("line 3"), "{error}");
    }

    #[test]
    fn a_record_is_never_written_over_and_nothing_else_is_taken_for_one() {
        let (_dir, path, _record) = record(&Clock::manual());
        let error = Record::create(&path, Clock::manual()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::AlreadyExists);
        fs::write(&path, "something else\n").unwrap();
        let error = Record::read(&path).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Version);
    }
}
