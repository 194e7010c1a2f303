use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::error::{error, io_error};
use super::exclusive::Draft;
use super::log_dir::LogDir;
use super::reserve::zero;
use super::segment::{GUARD, SegmentHeader, SegmentName, padded};
use crate::durable_dir::sync_dir;
use standfast_core::{Batch, ErrorKind, Position, Result};

/// The room a new segment has from the start: enough for an EpochStart, little enough to be no delay.
const FIRST_ROOM: u64 = 256 << 10;

/// A segment that is there for all to see, and open to be written by its epoch.
#[derive(Debug)]
pub(super) struct NewSegment {
    pub(super) name: SegmentName,
    pub(super) file: Arc<File>,
    /// Where the next frame goes.
    pub(super) offset: u64,
    /// Up to where the file is zero-filled and synced.
    pub(super) filled: u64,
    pub(super) settled: Position,
    pub(super) followed: bool,
}

/// What happened to a segment that could not be made.
#[derive(Debug)]
pub(super) enum NotMade {
    /// Nobody can see anything of it.
    Unseen(io::Error),
    /// It may be there, or its name is taken.
    InDoubt(io::Error),
}

impl From<io::Error> for NotMade {
    fn from(error: io::Error) -> Self {
        Self::Unseen(error)
    }
}

impl NewSegment {
    /// Writes header, copied frames and room, syncs them, and only then lets the segment appear.
    ///
    /// `draft` is a file of zeros prepared earlier, with its length.
    pub(super) fn create(
        dir: &LogDir,
        header: &SegmentHeader,
        copies: &[Batch],
        draft: Option<(Draft, u64)>,
    ) -> Result<Self, NotMade> {
        let name = header.name.to_string();
        let (draft, mut filled) = match draft {
            Some(draft) => draft,
            None => (Draft::begin(&dir.layout().tmp(), &name)?, 0),
        };
        let file = draft.file();
        file.write_all_at(&header.encode(), 0)?;
        let mut offset = SegmentHeader::LEN as u64;
        for batch in copies {
            file.write_all_at(batch.frame(), offset)?;
            offset += padded(batch.frame().len() as u64);
        }
        let room = FIRST_ROOM.min(dir.segment_size());
        let end = (offset + GUARD + room).next_multiple_of(4096);
        if filled < end {
            // From the padding of the last copy on; a prepared draft is zero already.
            zero(file, filled.max(offset), end)?;
            filled = end;
        }
        file.sync_all()?;
        lock(file)?;
        let segments = dir.segments().path();
        let Some(file) = draft.link(segments, &name)? else {
            return Err(NotMade::InDoubt(io::ErrorKind::AlreadyExists.into()));
        };
        sync_dir(segments).map_err(NotMade::InDoubt)?;
        Ok(Self {
            name: header.name,
            file: Arc::new(file),
            offset,
            filled,
            settled: header.settled,
            followed: header.followed,
        })
    }

    /// Opens the segment that this very epoch began earlier, to go on where `end` says, which is asked when nobody else writes
    /// it any more.
    pub(super) fn resume(
        dir: &LogDir,
        header: &SegmentHeader,
        end: impl FnOnce() -> Result<(u64, Position)>,
    ) -> Result<Self> {
        let name = header.name;
        let path = dir.segments().path().join(name.to_string());
        let open = || {
            let file = File::options().read(true).write(true).open(&path)?;
            lock(&file)?;
            Ok(file)
        };
        let file = open().map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => error(ErrorKind::Unavailable, "open writer")
                .context(format!("another writer of epoch {} is open", name.epoch))
                .source(source),
            _ => io_error("open writer", &path, source),
        })?;
        let (offset, end) = end()?;
        let clear = || {
            // What a cut append left behind is no frame, and must not be taken for a part of the next.
            let length = file.metadata()?.len();
            zero(&file, offset, length)?;
            Ok(length)
        };
        let filled = clear().map_err(|source| io_error("open writer", &path, source))?;
        Ok(Self {
            name,
            file: Arc::new(file),
            offset,
            filled,
            settled: end,
            followed: header.followed,
        })
    }

    /// Writes what begins at `from` once more, as it is, and syncs it: its pages may have met a failed sync, after which
    /// another one says "fine".
    pub(super) fn write_again(&self, from: u64) -> io::Result<()> {
        let length = usize::try_from(self.offset.saturating_sub(from)).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, from)?;
        self.file.write_all_at(&bytes, from)?;
        self.file.sync_data()
    }
}

/// Keeps a second writer with the same token out. The kernel lets go when the file is closed, however that happens.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        // A file system without locks: the name itself still admits one creator only.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
