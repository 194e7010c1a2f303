use std::sync::Arc;

use bytes::Bytes;

use super::mark::{MAGIC as MARK_MAGIC, Mark};
use super::scan::{Scan, Segment};
use super::window::Window;
use super::{ALIGN, GUARD, padded};
use crate::file::error::{corrupt, io_error};
use standfast_core::{
    Batch, Error, ErrorKind, FrameHeader, HEADER_LEN, MAGIC as FRAME_MAGIC, Position, Result,
};

/// Bytes needed to tell what begins at an offset, and how long it is.
const PEEK: usize = 16;
/// How many bytes are searched at a time for something behind a hole.
const SEARCH: usize = 1 << 20;

/// What a cursor met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::file) enum Step {
    /// The next frame.
    Batch(Batch),
    /// A mark: the last frame is committed.
    Mark,
    /// Nothing that is whole. Torn, or not yet written.
    End,
}

/// What begins at an offset.
enum Item {
    Frame(Batch),
    Mark(Mark),
    Nothing,
}

/// What lies behind the end.
enum Beyond {
    Nothing,
    /// Something that continues behind the last frame: only marks were lost in between.
    Resume(u64),
    /// Something that shows that frames are missing.
    Lost(u64),
}

/// Reads one segment forward. Each frame is checked against the one before it.
#[derive(Debug)]
pub(in crate::file) struct Cursor {
    segment: Arc<Segment>,
    window: Window,
    scan: Scan,
}

impl Cursor {
    pub(super) fn new(segment: Arc<Segment>, window: Window, scan: Scan) -> Self {
        Self {
            segment,
            window,
            scan,
        }
    }

    /// How far it has read.
    pub(in crate::file) const fn scan(&self) -> Scan {
        self.scan
    }

    pub(in crate::file) const fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Reads one frame or mark.
    ///
    /// # Errors
    /// `Corrupt` when what is there is whole and does not belong there, or when the file was cut; `Version`.
    pub(in crate::file) fn step(&mut self) -> Result<Step> {
        let reads = self.window.reads();
        loop {
            match self.item(self.scan.offset)? {
                Item::Frame(batch) => return self.accept(batch).map(Step::Batch),
                Item::Mark(mark) => return self.accept_mark(mark),
                Item::Nothing if self.window.reads() > reads => return Ok(Step::End),
                // What was read some time ago; look again.
                Item::Nothing => self.window.forget(),
            }
        }
    }

    /// As [`Self::step`], and when it finds nothing, searches the rest of the file for frames that show that some are
    /// missing here.
    ///
    /// # Errors
    /// `Corrupt` with the place where they are missing.
    pub(in crate::file) fn step_over_holes(&mut self) -> Result<Step> {
        for _ in 0..3 {
            match self.step()? {
                Step::End => {}
                step => return Ok(step),
            }
            match self.beyond()? {
                Beyond::Nothing => return Ok(Step::End),
                Beyond::Resume(offset) => self.scan.offset = offset,
                // A live writer may have written this frame and the next since we looked: what comes before the
                // one we found is visible by now.
                Beyond::Lost(_) => self.window.forget(),
            }
        }
        match (self.step()?, self.beyond()?) {
            (Step::End, Beyond::Lost(at)) => {
                let what = format!(
                    "damaged behind {}; the log goes on at byte {at}",
                    self.scan.end
                );
                Err(self.corrupt(&what))
            }
            (step, _) => Ok(step),
        }
    }

    fn accept(&mut self, batch: Batch) -> Result<Batch> {
        let header = self.segment.header();
        let copied = batch.first() <= header.settled.seq;
        let of_right_epoch = if header.followed {
            batch.epoch() <= header.name.epoch
        } else if copied {
            batch.epoch() < header.name.epoch
        } else {
            batch.epoch() == header.name.epoch
        };
        let ends_well = batch.last() != header.settled.seq || batch.end() == header.settled;
        if !batch.follows(self.scan.end) || !of_right_epoch || !ends_well {
            let what = format!("{} does not belong behind {}", batch.end(), self.scan.end);
            return Err(self.corrupt(&what));
        }
        let place = self.scan.offset;
        self.scan = Scan {
            offset: place + padded(batch.frame().len() as u64),
            committed: self.scan.end,
            end: batch.end(),
        };
        if Segment::stretch(place) != Segment::stretch(self.scan.offset) {
            self.segment.remember(self.scan);
        }
        Ok(batch)
    }

    fn accept_mark(&mut self, mark: Mark) -> Result<Step> {
        if mark.committed != self.scan.end {
            let what = format!("a mark of {} behind {}", mark.committed, self.scan.end);
            return Err(self.corrupt(&what));
        }
        self.scan.committed = self.scan.end;
        self.scan.offset += padded(Mark::LEN as u64);
        Ok(Step::Mark)
    }

    fn item(&mut self, offset: u64) -> Result<Item> {
        let head = self.view(offset, PEEK)?;
        let magic = head.first_chunk::<4>();
        let length = match magic {
            Some(&FRAME_MAGIC) => {
                // No frame is shorter than its header; a damaged length is no reason to read gigabytes.
                FrameHeader::peek_length(&head).filter(|length| *length >= HEADER_LEN)
            }
            Some(&MARK_MAGIC) => Some(Mark::LEN),
            _ => None,
        };
        let Some(length) = length else {
            self.check_guard(offset)?;
            return Ok(Item::Nothing);
        };
        self.check_guard(offset + padded(length as u64))?;
        let bytes = self.view(offset, length)?;
        let item = if magic == Some(&MARK_MAGIC) {
            Mark::decode(&bytes).map(Item::Mark)
        } else {
            Batch::decode(bytes).map(Item::Frame)
        };
        match item {
            Err(error) if *error.kind() == ErrorKind::Corrupt => Ok(Item::Nothing),
            Err(error) => Err(error.context(self.place(offset))),
            Ok(item) => Ok(item),
        }
    }

    /// The writer keeps zero bytes behind everything it writes. A file that ends before them was cut.
    fn check_guard(&mut self, end: u64) -> Result<()> {
        self.window
            .reaches(end + GUARD)
            .map_err(|source| io_error("read segment", self.segment.path(), source))?
            .map_err(|length| self.corrupt(&format!("the file was cut to {length} bytes")))
    }

    fn beyond(&mut self) -> Result<Beyond> {
        let mut offset = self.scan.offset + ALIGN;
        loop {
            let bytes = self.view(offset, SEARCH)?;
            if bytes.is_empty() {
                return Ok(Beyond::Nothing);
            }
            for (at, word) in (offset..).step_by(8).zip(bytes.chunks(8)) {
                let magic = word.first_chunk::<4>();
                if magic != Some(&FRAME_MAGIC) && magic != Some(&MARK_MAGIC) {
                    continue;
                }
                match self.shows(at)? {
                    Beyond::Nothing => {}
                    found => return Ok(found),
                }
            }
            offset += bytes.len() as u64;
        }
    }

    /// What the item at `at`, behind the end, shows. A payload that is a frame of this very log could deceive it, and
    /// then it fails closed.
    fn shows(&mut self, at: u64) -> Result<Beyond> {
        let end = self.scan.end;
        let (follows, later) = match self.item(at) {
            Ok(Item::Frame(batch)) => (batch.follows(end), batch.first() > end.seq),
            Ok(Item::Mark(mark)) => (mark.committed == end, mark.committed.seq > end.seq),
            Ok(Item::Nothing) => (false, false),
            Err(error) if *error.kind() == ErrorKind::Corrupt => (false, false),
            Err(error) => return Err(error),
        };
        Ok(match (follows, later) {
            (true, _) => Beyond::Resume(at),
            (false, true) => Beyond::Lost(at),
            (false, false) => Beyond::Nothing,
        })
    }

    fn view(&mut self, offset: u64, length: usize) -> Result<Bytes> {
        self.window
            .view(offset, length)
            .map_err(|source| io_error("read segment", self.segment.path(), source))
    }

    /// Damage where the cursor stands.
    pub(in crate::file) fn corrupt(&self, what: &str) -> Error {
        corrupt("read segment", self.segment.path(), self.scan.offset, what)
    }

    fn place(&self, offset: u64) -> String {
        format!("{} at byte {offset}", self.segment.path().display())
    }

    /// Whether it stands at `position`.
    pub(in crate::file) fn is_at(&self, position: Position) -> bool {
        self.scan.end == position
    }
}

impl Drop for Cursor {
    /// Whoever comes next begins where this one stopped.
    fn drop(&mut self) {
        self.segment.remember(self.scan);
    }
}
