use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

/// The first read of a place: enough for a few small frames, cheap when there is nothing.
const LEAST: usize = 16 << 10;
/// The reads of a reader that has much before it.
const MOST: usize = 1 << 20;

/// A piece of a file in memory. Reads grow while they are used up to the end, so that a follower at the tail reads
/// little and one that catches up reads fast.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    start: u64,
    bytes: Bytes,
    next: usize,
    reads: u64,
    length: u64,
}

impl Window {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            start: 0,
            bytes: Bytes::new(),
            next: LEAST,
            reads: 0,
            length: 0,
        }
    }

    /// The `length` bytes at `offset`, fewer only at the end of the file. Possibly as they were some time ago.
    pub(super) fn view(&mut self, offset: u64, length: usize) -> io::Result<Bytes> {
        if let Some(bytes) = self.held(offset, length) {
            return Ok(bytes);
        }
        self.next = if offset >= self.start && offset <= self.start + self.bytes.len() as u64 {
            (self.next * 2).min(MOST)
        } else {
            LEAST
        };
        self.load(offset, length.max(self.next))?;
        let end = length.min(self.bytes.len());
        Ok(self.bytes.slice(..end))
    }

    fn held(&self, offset: u64, length: usize) -> Option<Bytes> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(length)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }

    fn load(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        self.start = offset;
        self.bytes = bytes.into();
        self.reads += 1;
        Ok(())
    }

    /// Whether the file reaches `end`; the length it has if not.
    pub(super) fn reaches(&mut self, end: u64) -> io::Result<Result<(), u64>> {
        if end > self.length {
            self.length = self.file.metadata()?.len();
        }
        Ok((end <= self.length).then_some(()).ok_or(self.length))
    }

    /// Counts the reads: what was seen before a read may have changed since.
    pub(super) const fn reads(&self) -> u64 {
        self.reads
    }

    /// Forgets what was read, to see what is there now.
    pub(super) fn forget(&mut self) {
        self.bytes = Bytes::new();
        self.next = LEAST;
    }
}
