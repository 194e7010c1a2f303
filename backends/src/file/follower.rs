use std::sync::Arc;

use async_trait::async_trait;

use super::cut;
use super::error::error;
use super::log_dir::LogDir;
use super::oplog::capabilities;
use super::settle::{Claim, behind};
use super::writer::FileWriter;
use standfast_core::{
    Batch, Epoch, ErrorKind, FenceToken, FollowerWriter, Position, Result, Seq, admit_verbatim,
};

/// So many batches are stored in a segment of their own, which costs a few syncs, and not in one each.
const TOGETHER: usize = 8;

/// Fills the log with the batches of a primary whose own log is elsewhere.
///
/// It goes the way of a writer (`Claim`), with the primary's token: whoever is promised an epoch is let in with it. What
/// is sent may be of older terms, so its segments say that they were filled (`SegmentHeader::followed`). The first one is
/// made when the first batch comes: that it appears, at once and whole, is what cuts, if there is something to cut (R6).
///
/// Does its disk work inline, without a thread hop.
#[derive(Debug)]
pub(super) struct FileFollower {
    dir: Arc<LogDir>,
    token: FenceToken,
    /// Where the next batch goes: the end of the log, or what it is cut back to.
    tail: Position,
    /// Whether the log is to be cut back to there.
    cuts: bool,
    writer: Option<FileWriter>,
}

impl FileFollower {
    /// Promises the epoch of `token`.
    pub(super) fn open(dir: &Arc<LogDir>, token: &FenceToken) -> Result<Self> {
        let survey = Claim::promise(dir, token)?.survey()?;
        Ok(Self {
            dir: Arc::clone(dir),
            token: token.clone(),
            tail: survey.tip(),
            cuts: false,
            writer: None,
        })
    }

    fn writer(&mut self) -> Result<&mut FileWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.begin()?,
        };
        Ok(self.writer.insert(writer))
    }

    fn begin(&self) -> Result<FileWriter> {
        let claim = Claim::promise(&self.dir, &self.token)?;
        let segment = claim.go_on(&claim.survey()?, self.tail)?;
        claim.serve(segment)
    }

    fn store(&mut self, batches: &[Batch]) -> Result<()> {
        let mut left = batches;
        while let [first, rest @ ..] = left {
            let writer = self.writer()?;
            if left.len() >= TOGETHER && writer.is_used() {
                self.tail = writer.store_together(left)?;
                return Ok(());
            }
            self.tail = writer.store(first)?;
            self.cuts = false;
            left = rest;
        }
        Ok(())
    }

    /// Saves what lies behind `position`.
    fn prepare_cut(&self, position: Position, committed: Seq) -> Result<Option<String>> {
        let claim = Claim::promise(&self.dir, &self.token)?;
        let survey = claim.survey()?;
        if position == survey.tip() {
            return Ok(None);
        }
        let Some((top, _)) = survey.top() else {
            return Err(refuse(format!("{position} is not in an empty log")));
        };
        let committed = committed.max(survey.committed().seq);
        if position.seq < committed {
            return Err(refuse(format!(
                "behind {position} seq {committed} is committed"
            )));
        }
        let (cut, _) = behind(&survey, top, position)
            .map_err(|source| refuse(format!("{position} is not in this log")).source(source))?;
        if top.name().epoch == self.token.epoch {
            return Err(refuse(format!(
                "what lies behind {position} was filled by the primary that is followed"
            )));
        }
        cut::save(&self.dir, &self.token, position, &cut).map(Some)
    }
}

fn refuse(why: String) -> standfast_core::Error {
    error(ErrorKind::Invalid, "cut log").context(why)
}

#[async_trait]
impl FollowerWriter for FileFollower {
    fn epoch(&self) -> Epoch {
        self.token.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn append_verbatim(&mut self, batches: &[Batch]) -> Result<Position> {
        if let Some(writer) = &self.writer {
            writer.refuse_poisoned("append")?;
        }
        let batches = match batches {
            [first, rest @ ..] if first.end() == self.tail => rest,
            all => all,
        };
        let mut tail = self.tail;
        for batch in batches {
            admit_verbatim(batch, self.token.epoch, tail, &capabilities())
                .map_err(|error| error.backend("file"))?;
            tail = batch.end();
        }
        self.store(batches)?;
        Ok(self.tail)
    }

    async fn sync(&mut self) -> Result<()> {
        if self.cuts {
            return Ok(());
        }
        // Into a segment of its own, which is synced: the pages of the old file may never reach the disk.
        self.writer().map(drop)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        if self.cuts {
            // What would be marked is about to go.
            return Ok(());
        }
        self.writer()?.mark()
    }

    async fn cut_after(&mut self, position: Position, committed: Seq) -> Result<Option<String>> {
        if self.writer.is_some() {
            return Err(refuse(format!(
                "batches of epoch {} were stored already",
                self.token.epoch
            )));
        }
        let saved = self.prepare_cut(position, committed)?;
        (self.tail, self.cuts) = (position, saved.is_some());
        Ok(saved)
    }
}
