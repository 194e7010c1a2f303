use std::io;
use std::sync::Arc;

use super::error::{error, io_error};
use super::fence;
use super::history::{Path, Route, Span, Survey};
use super::log_dir::LogDir;
use super::new_segment::{NewSegment, NotMade};
use super::segment::{Segment, SegmentHeader, SegmentName, padded};
use super::writer::FileWriter;
use standfast_core::{Batch, ErrorKind, FenceToken, Position, ReadLimit, Result};

/// The way into a term, step by step (R1).
///
/// ```text
///   1 claim    create fences/{epoch}; whoever lists from now on acknowledges nothing of a lower epoch
///   2 survey   read the tail: all that any lower epoch has acknowledged is in it
///   3 settle   copy what is above the highest known committed, verbatim, into a segment of our own, sync it, let it
///              appear, sync the directory. Copied, because the pages of the old file may never reach the disk: its
///              writer may have met a failed sync, after which another sync says "fine"
///   4 serve    list the fences once more. If ours is still the largest, all higher epochs will find our segment
///              when they survey, and build on it
/// ```
#[derive(Debug)]
pub(super) struct Claim<'a> {
    dir: &'a Arc<LogDir>,
    token: FenceToken,
    /// Of a follower: it writes what the holder of the token sends.
    followed: bool,
}

impl<'a> Claim<'a> {
    /// Step 1.
    pub(super) fn make(dir: &'a Arc<LogDir>, token: &FenceToken) -> Result<Self> {
        dir.owned_by(token, "open writer")?;
        fence::claim(dir, token)?;
        Ok(Self {
            dir,
            token: token.clone(),
            followed: false,
        })
    }

    /// The same for a follower of the term.
    pub(super) fn promise(dir: &'a Arc<LogDir>, token: &FenceToken) -> Result<Self> {
        let claim = Self::make(dir, token)?;
        Ok(Self {
            followed: true,
            ..claim
        })
    }

    /// Step 2.
    pub(super) fn survey(&self) -> Result<Survey> {
        let survey = self.dir.survey("open writer")?;
        let found = survey.epoch();
        if found > self.token.epoch {
            return Err(error(ErrorKind::Fenced, "open writer").context(format!(
                "epoch {found} has a segment, {} is not higher",
                self.token.epoch
            )));
        }
        let floor = self.dir.floor()?;
        if survey.top().is_none() {
            // Says so when there should be one.
            drop(survey.route(survey.tip(), floor)?);
        }
        Ok(survey)
    }

    /// Step 3.
    pub(super) fn settle(&self, survey: &Survey) -> Result<NewSegment> {
        match survey.top() {
            Some((own, scan)) if own.name().epoch == self.token.epoch => {
                let settled = own.header().settled;
                if scan.end != settled
                    || own
                        .header()
                        .parent
                        .is_some_and(|p| p.epoch == self.token.epoch)
                {
                    return Err(error(ErrorKind::Fenced, "open writer").context(format!(
                        "epoch {} has appended already: reopen under a higher one",
                        self.token.epoch
                    )));
                }
                NewSegment::resume(self.dir, own.header(), || Ok((scan.offset, settled)))
            }
            top => {
                let (copies, parent) = match top {
                    Some((segment, _)) => behind(survey, segment, survey.committed())?,
                    None => (Vec::new(), None),
                };
                self.begin_segment(survey.committed(), &copies, parent, survey.tip())
            }
        }
    }

    /// A segment behind what is known committed, which appears with `copies` up to `settled`.
    fn begin_segment(
        &self,
        previous: Position,
        copies: &[Batch],
        parent: Option<SegmentName>,
        settled: Position,
    ) -> Result<NewSegment> {
        let header = SegmentHeader {
            cluster: self.token.cluster,
            name: SegmentName {
                epoch: self.token.epoch,
                first: previous.seq.next(),
            },
            previous,
            parent,
            settled,
            followed: self.followed,
        };
        let create = || match NewSegment::create(self.dir, &header, copies, None) {
            Ok(segment) => Ok(Ok(segment)),
            Err(NotMade::Unseen(source)) => Err(source),
            Err(NotMade::InDoubt(source)) => Ok(Err(source)),
        };
        let path = self.dir.segments().path();
        match self.dir.reserve().with(create) {
            Ok(Ok(segment)) => Ok(segment),
            Ok(Err(source)) if source.kind() == io::ErrorKind::AlreadyExists => {
                Err(error(ErrorKind::Unavailable, "open writer")
                    .context(format!("epoch {} is being opened twice", self.token.epoch)))
            }
            Ok(Err(source)) | Err(source) => Err(io_error("open writer", path, source)),
        }
    }

    /// Step 3 of a follower whose log ends at `tail`. What lies behind in older segments is dead: it was cut, or written by
    /// one that was shut out meanwhile.
    pub(super) fn go_on(&self, survey: &Survey, tail: Position) -> Result<NewSegment> {
        let Some((top, scan)) = survey.top() else {
            return self.begin_segment(survey.committed(), &[], None, tail);
        };
        let (mut unproved, parent) = behind(survey, top, survey.committed())?;
        if top.name().epoch != self.token.epoch {
            unproved.retain(|batch| batch.last() <= tail.seq);
            return self.begin_segment(survey.committed(), &unproved, parent, tail);
        }
        let meanwhile = |end: Position| {
            error(ErrorKind::Unavailable, "open follower").context(format!(
                "epoch {} was filled up to {end} meanwhile: open it again",
                self.token.epoch
            ))
        };
        if !top.header().followed || scan.end != tail {
            return Err(meanwhile(scan.end));
        }
        let lengths = unproved
            .iter()
            .map(|batch| padded(batch.frame().len() as u64));
        let from = scan.offset.saturating_sub(lengths.sum());
        let segment = NewSegment::resume(self.dir, top.header(), || {
            // Whoever held it may have gone on since.
            let now = top.scan_to_end()?;
            if now.end == tail {
                Ok((now.offset, now.end))
            } else {
                Err(meanwhile(now.end))
            }
        })?;
        segment
            .write_again(from.max(SegmentHeader::LEN as u64))
            .map_err(|source| io_error("open follower", top.path(), source))?;
        Ok(segment)
    }

    /// Step 4.
    pub(super) fn serve(self, segment: NewSegment) -> Result<FileWriter> {
        FileWriter::open(Arc::clone(self.dir), &self.token, segment)
    }
}

/// The frames between `position` and the tip, and the segment that holds the former.
///
/// # Errors
/// `LogRegressed` when it does not lie on the way to the tip.
pub(super) fn behind(
    survey: &Survey,
    top: &Arc<Segment>,
    position: Position,
) -> Result<(Vec<Batch>, Option<SegmentName>)> {
    let goal = Span {
        segment: Arc::clone(top),
        upto: survey.tip(),
    };
    let path = Path::walk(survey.segments(), goal, position.seq)?;
    let parent = path.spans.front().and_then(|span| {
        let header = span.segment.header();
        // A segment that begins just there holds nothing of it.
        if header.previous == position {
            header.parent
        } else {
            Some(header.name)
        }
    });
    let mut route = Route::begin(path, position)?;
    let mut copies = Vec::new();
    loop {
        let batches = route.collect(ReadLimit::default())?;
        if batches.is_empty() {
            return Ok((copies, parent));
        }
        copies.extend(batches);
    }
}
