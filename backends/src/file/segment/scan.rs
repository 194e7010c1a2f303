use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::cursor::{Cursor, Step};
use super::header::SegmentHeader;
use super::name::SegmentName;
use super::window::Window;
use crate::file::error::{corrupt, error, io_error};
use standfast_core::{ErrorKind, Fingerprint, Position, Result, Seq};

/// One place is remembered for each stretch of this many bytes.
const STRETCH: u64 = 256 << 10;

/// How far a segment has been read and proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::file) struct Scan {
    /// Where the next frame or mark begins.
    pub(in crate::file) offset: u64,
    /// End of the last frame.
    pub(in crate::file) end: Position,
    /// The highest Position that what was read proves committed. A frame proves the one before it: its writer
    /// appends only behind what it has acknowledged or settled. A mark proves the frame it stands behind.
    pub(in crate::file) committed: Position,
}

/// A segment of the log: its header, and where in it one can begin to read.
///
/// Keeps no file open, and one place for each 256 KiB: a bounded index that grows by reading.
#[derive(Debug)]
pub(in crate::file) struct Segment {
    path: PathBuf,
    header: SegmentHeader,
    places: Mutex<BTreeMap<u64, Scan>>,
}

impl Segment {
    /// Reads the header; `None` when the file is gone.
    pub(in crate::file) fn load(
        dir: &Path,
        name: SegmentName,
        cluster: Fingerprint,
    ) -> Result<Option<Arc<Self>>> {
        let path = dir.join(name.to_string());
        let bytes = match File::open(&path)
            .and_then(|file| Window::new(file).view(0, SegmentHeader::LEN))
        {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error("read segment", &path, source)),
        };
        let header = SegmentHeader::decode(&bytes)
            .map_err(|error| error.context(format!("{} at byte 0", path.display())))?;
        if header.cluster != cluster {
            return Err(error(ErrorKind::Foreign, "read segment").context(format!(
                "{} belongs to the cluster with fingerprint {}, this is {cluster}",
                path.display(),
                header.cluster
            )));
        }
        if header.name != name || header.previous.seq.next() != name.first {
            let what = format!("the header is of {}", header.name);
            return Err(corrupt("read segment", &path, 0, &what));
        }
        Ok(Some(Arc::new(Self {
            path,
            header,
            places: Mutex::default(),
        })))
    }

    pub(in crate::file) const fn header(&self) -> &SegmentHeader {
        &self.header
    }

    pub(in crate::file) const fn name(&self) -> SegmentName {
        self.header.name
    }

    pub(in crate::file) fn path(&self) -> &Path {
        &self.path
    }

    /// Before the first frame.
    fn start(&self) -> Scan {
        Scan {
            offset: SegmentHeader::LEN as u64,
            end: self.header.previous,
            committed: self.header.previous,
        }
    }

    /// A cursor at the last known place at or before the end of entry `seq`.
    ///
    /// # Errors
    /// `NotFound` when the file is gone.
    pub(in crate::file) fn cursor_before(self: &Arc<Self>, seq: Seq) -> Result<Cursor> {
        let place = {
            let places = self.places.lock();
            places
                .values()
                .rev()
                .find(|place| place.end.seq <= seq)
                .copied()
        };
        self.cursor(place.unwrap_or_else(|| self.start()))
    }

    fn cursor(self: &Arc<Self>, from: Scan) -> Result<Cursor> {
        let file = File::open(&self.path)
            .map_err(|source| io_error("read segment", &self.path, source))?;
        Ok(Cursor::new(Arc::clone(self), Window::new(file), from))
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// `Corrupt` when frames are missing before the end; `NotFound` when the file is gone.
    pub(in crate::file) fn scan_to_end(self: &Arc<Self>) -> Result<Scan> {
        let mut cursor = self.cursor_before(Seq(u64::MAX))?;
        while cursor.step_over_holes()? != Step::End {}
        let scan = cursor.scan();
        if scan.end.seq < self.header.settled.seq {
            let what = format!("the settled tail up to {} is damaged", self.header.settled);
            return Err(corrupt("read segment", &self.path, scan.offset, &what));
        }
        Ok(scan)
    }

    /// Keeps a place that was read and proved.
    pub(super) fn remember(&self, place: Scan) {
        self.places
            .lock()
            .insert(Self::stretch(place.offset), place);
    }

    pub(super) const fn stretch(offset: u64) -> u64 {
        offset / STRETCH
    }
}
