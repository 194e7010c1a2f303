use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;

use super::error::{error, io_error, is_full};
use super::fence;
use super::filler::Filler;
use super::log_dir::LogDir;
use super::new_segment::{NewSegment, NotMade};
use super::numbered::NumberedDir;
use super::oplog::capabilities;
use super::segment::{GUARD, Mark, SegmentHeader, SegmentName, padded};
use standfast_core::{
    Batch, Epoch, Error, ErrorKind, FenceToken, Fingerprint, OpLogWriter, Position, ReadLimit,
    Result, admit,
};

/// What a mark takes.
const MARK_ROOM: u64 = padded(Mark::LEN as u64);

/// Appends to the segments of one epoch: writes, syncs, THEN lists the fences, THEN acknowledges.
///
/// Does its disk work inline, without a thread hop.
#[derive(Debug)]
pub(super) struct FileWriter {
    dir: Arc<LogDir>,
    cluster: Fingerprint,
    epoch: Epoch,
    gate: NumberedDir,
    filler: Filler,
    segment: NewSegment,
    /// The segment of the settled tail, which `settled` reads.
    first: SegmentName,
    settled: Position,
    tail: Position,
    /// Whether a mark says that the tail is committed.
    marked: bool,
    poison: Option<ErrorKind>,
}

impl FileWriter {
    /// The last step into a term: lists the fences once more.
    pub(super) fn open(dir: Arc<LogDir>, token: &FenceToken, segment: NewSegment) -> Result<Self> {
        let filler = Filler::start(Arc::clone(&dir), Arc::clone(&segment.file), segment.filled)
            .map_err(|source| io_error("open writer", dir.layout().dir(), source))?;
        let mut writer = Self {
            gate: dir.gate()?,
            cluster: token.cluster,
            epoch: token.epoch,
            filler,
            first: segment.name,
            settled: segment.settled,
            tail: segment.settled,
            marked: false,
            poison: None,
            dir,
            segment,
        };
        writer.check_fence("open writer")?;
        Ok(writer)
    }

    /// All steps of an append.
    pub(super) fn store(&mut self, batch: &Batch) -> Result<Position> {
        self.refuse_poisoned("append")?;
        self.write(batch)?;
        self.sync()?;
        self.acknowledge(batch)
    }

    /// Step 1 of an append: makes room and writes. Nothing is proved yet.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<()> {
        let length = padded(batch.frame().len() as u64);
        let size = self.dir.segment_size();
        if self.is_used() && self.segment.offset + length + MARK_ROOM + GUARD > size {
            self.rotate()?;
        }
        let end = self.segment.offset + length + MARK_ROOM + GUARD;
        // Only the first batch of a term may touch the reserve: without it no term could ever begin again.
        self.filler
            .reserve_room(end, self.tail == self.settled && !self.segment.followed)
            .map_err(|source| self.no_room(source))?;
        // The padding is zero already.
        self.segment
            .file
            .write_all_at(batch.frame(), self.segment.offset)
            // A copy-on-write file system may find no room for an overwrite either. A piece of a frame is no frame.
            .map_err(|source| self.no_room(source))
    }

    /// Step 2: makes it durable.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.segment
            .file
            .sync_data()
            .map_err(|source| self.poison(ErrorKind::Indeterminate, source))
    }

    /// Step 3: proves that nobody was let in before it was durable, and with that acknowledges.
    pub(super) fn acknowledge(&mut self, batch: &Batch) -> Result<Position> {
        self.check_fence("append")?;
        self.segment.offset += padded(batch.frame().len() as u64);
        self.tail = batch.end();
        self.marked = false;
        Ok(self.tail)
    }

    fn check_fence(&mut self, operation: &'static str) -> Result<()> {
        let open = fence::is_open(&mut self.gate, self.epoch)
            .map_err(|source| self.poison(ErrorKind::Indeterminate, source))?;
        if open {
            return Ok(());
        }
        self.poison = Some(ErrorKind::Fenced);
        Err(error(ErrorKind::Fenced, operation)
            .context(format!("another was let in after epoch {}", self.epoch)))
    }

    /// Whether the segment holds something behind what was settled.
    pub(super) fn is_used(&self) -> bool {
        self.segment.name != self.first || self.tail != self.settled
    }

    /// Goes on in a new segment. The old one stays as it is.
    fn rotate(&mut self) -> Result<()> {
        self.begin_segment(&[])
    }

    /// Stores batches that follow the tail in a segment of their own, which appears whole or not at all.
    pub(super) fn store_together(&mut self, batches: &[Batch]) -> Result<Position> {
        self.refuse_poisoned("append")?;
        self.begin_segment(batches)?;
        self.check_fence("append")?;
        self.tail = self.segment.settled;
        self.marked = false;
        Ok(self.tail)
    }

    fn begin_segment(&mut self, batches: &[Batch]) -> Result<()> {
        let header = SegmentHeader {
            cluster: self.cluster,
            name: SegmentName {
                epoch: self.epoch,
                first: self.tail.seq.next(),
            },
            previous: self.tail,
            parent: Some(self.segment.name),
            settled: batches.last().map_or(self.tail, Batch::end),
            followed: self.segment.followed,
        };
        let spare = self.filler.take_spare();
        self.segment = match NewSegment::create(&self.dir, &header, batches, spare) {
            Ok(segment) => segment,
            Err(NotMade::Unseen(source)) => return Err(self.no_room(source)),
            Err(NotMade::InDoubt(source)) => {
                return Err(self.poison(ErrorKind::Indeterminate, source));
            }
        };
        let file = Arc::clone(&self.segment.file);
        self.filler.turn_to(file, self.segment.filled);
        Ok(())
    }

    /// Nothing of the batch can be seen: when the disk is only full the writer lives on.
    fn no_room(&mut self, source: io::Error) -> Error {
        if is_full(&source) {
            self.failure(ErrorKind::Quota, source)
        } else {
            self.poison(ErrorKind::Indeterminate, source)
        }
    }

    fn poison(&mut self, kind: ErrorKind, source: io::Error) -> Error {
        self.poison = Some(kind.clone());
        self.failure(kind, source)
    }

    fn failure(&self, kind: ErrorKind, source: io::Error) -> Error {
        error(kind, "append")
            .context(format!(
                "segment {} at byte {}",
                self.segment.name, self.segment.offset
            ))
            .source(source)
    }

    pub(super) fn refuse_poisoned(&self, operation: &'static str) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(kind) => Err(error(kind.clone(), operation)
                .context("the writer is poisoned: reopen under a higher epoch")),
        }
    }

    /// Says that the tail is committed.
    pub(super) fn mark(&mut self) -> Result<()> {
        self.refuse_poisoned("mark committed")?;
        if self.marked {
            return Ok(());
        }
        // True whether we are fenced by now or not: the tail was acknowledged, or settled. There is room for one
        // mark behind every frame; behind the header there may be several writers' worth of room.
        let mark = Mark {
            committed: self.tail,
        };
        self.segment
            .file
            .write_all_at(&mark.encode(), self.segment.offset)
            .map_err(|source| self.poison(ErrorKind::Indeterminate, source))?;
        self.segment.offset += MARK_ROOM;
        self.marked = true;
        Ok(())
    }
}

#[async_trait]
impl OpLogWriter for FileWriter {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        let survey = self.dir.survey("read settled")?;
        survey
            .route_to(self.first, self.settled, after)?
            .collect(limit)
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.refuse_poisoned("append")?;
        admit(batch, self.epoch, self.tail, &capabilities()).map_err(|e| e.backend("file"))?;
        self.store(batch)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        self.mark()
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if self.poison.is_some() {
            return Ok(());
        }
        self.mark()?;
        self.sync()
    }
}
