use std::sync::Arc;

use super::path::{Path, Span};
use super::route::Route;
use super::segments::Segments;
use crate::file::begin::Begin;
use crate::file::error::{corrupt, error};
use crate::file::segment::{Scan, Segment, SegmentName};
use standfast_core::{Epoch, ErrorKind, Position, Result, Seq};

/// What the newest segments tell: where the log ends, and how far it is known committed.
#[derive(Debug)]
pub(in crate::file) struct Survey {
    segments: Segments,
    /// What the first frame follows.
    begin: Begin,
    /// The last segment of each epoch that counts, the highest epoch first, and how far it reaches.
    ends: Vec<(Arc<Segment>, Scan)>,
}

impl Survey {
    /// Reads the ends of `segments`.
    ///
    /// Lower epochs need not be looked at once one has a frame of its own: its first follows a tail that was settled
    /// after all lower ones were fenced, so they have proved nothing beyond it.
    ///
    /// # Errors
    /// `Corrupt`; `NotFound` when a file vanished meanwhile: list again.
    pub(in crate::file) fn read(segments: Segments, begin: Begin) -> Result<Self> {
        let mut ends: Vec<(Arc<Segment>, Scan)> = Vec::new();
        for segment in segments.values().rev() {
            let newer = ends.last().map(|(newer, _)| newer.name().epoch);
            if newer == Some(segment.name().epoch) {
                continue;
            }
            let scan = segment.scan_to_end()?;
            let header = segment.header();
            let rotated = header.parent.is_some_and(|p| p.epoch == header.name.epoch);
            ends.push((Arc::clone(segment), scan));
            if rotated || scan.end.seq > header.settled.seq {
                break;
            }
        }
        let survey = Self {
            segments,
            begin,
            ends,
        };
        let (tip, committed) = (survey.tip(), survey.committed());
        match survey.ends.first() {
            Some((segment, scan)) if committed.seq > tip.seq => {
                let what = format!("the log ends at {tip}, but {committed} is committed");
                Err(corrupt("read log", segment.path(), scan.offset, &what))
            }
            _ => Ok(survey),
        }
    }

    pub(in crate::file) const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The last segment of the highest epoch: what the next writer builds on.
    pub(in crate::file) fn top(&self) -> Option<&(Arc<Segment>, Scan)> {
        self.ends.first()
    }

    /// The highest epoch that has a segment.
    pub(in crate::file) fn epoch(&self) -> Epoch {
        self.top()
            .map_or(Epoch::ZERO, |(segment, _)| segment.name().epoch)
    }

    /// End of the last frame of the highest epoch's run, committed or not.
    pub(in crate::file) fn tip(&self) -> Position {
        self.top().map_or(self.begin.position, |(_, scan)| scan.end)
    }

    /// The highest Position known committed.
    pub(in crate::file) fn committed(&self) -> Position {
        self.evidence()
            .map_or(self.begin.position, |span| span.upto)
    }

    /// The segment that proves the highest Seq committed; the highest epoch's if several do.
    fn evidence(&self) -> Option<Span> {
        let mut best: Option<Span> = None;
        for (segment, scan) in &self.ends {
            if best
                .as_ref()
                .is_none_or(|best| scan.committed.seq > best.upto.seq)
            {
                best = Some(Span {
                    segment: Arc::clone(segment),
                    upto: scan.committed,
                });
            }
        }
        best
    }

    /// Where a path that ends at `after`, or at what is known committed, ends.
    ///
    /// The caller's own Position is evidence too: somebody told it that it is committed.
    fn goal(&self, after: Position) -> Option<Span> {
        let mut best = self.evidence()?;
        if after.seq >= best.upto.seq
            && let Some((segment, _)) = self.ends.iter().find(|(_, scan)| scan.end == after)
        {
            best = Span {
                segment: Arc::clone(segment),
                upto: after,
            };
        }
        Some(best)
    }

    /// All of history that is there, up to what is known committed.
    pub(in crate::file) fn history(&self) -> Result<Path> {
        match self.evidence() {
            Some(span) => Path::walk(&self.segments, span, Seq::ZERO),
            None => Ok(Path::default()),
        }
    }

    /// What the first entry that is still there follows.
    pub(in crate::file) fn begin(&self) -> Result<Position> {
        Ok(self.history()?.begin().unwrap_or(self.begin.position))
    }

    /// What leads from `after` to the end of what is known committed (OL-7).
    ///
    /// # Errors
    /// `LogRegressed` when `after` is not in history; `Trimmed` or `Gap` when what follows it is not there:
    /// `floor` is the highest Seq that trim has recorded.
    pub(in crate::file) fn route(&self, after: Position, floor: Seq) -> Result<Route> {
        let Some(goal) = self.goal(after) else {
            return self.empty(after, floor);
        };
        if after.seq > goal.upto.seq {
            return Err(regressed(after, self.tip()));
        }
        let path = Path::walk(&self.segments, goal, after.seq)?;
        match path.begin() {
            Some(begin) if begin.seq > after.seq => Err(missing(begin.seq.next(), after, floor)),
            _ => Route::begin(path, after),
        }
    }

    /// What leads to the settled tail of `name`, the segment of a writer.
    pub(in crate::file) fn route_to(
        &self,
        name: SegmentName,
        settled: Position,
        after: Position,
    ) -> Result<Route> {
        let segment = self.segments.get(&name).ok_or_else(|| {
            error(ErrorKind::Gap, "read settled").context(format!("segment {name} is gone"))
        })?;
        if after.seq > settled.seq {
            return Err(regressed(after, settled));
        }
        let span = Span {
            segment: Arc::clone(segment),
            upto: settled,
        };
        let path = Path::walk(&self.segments, span, after.seq)?;
        match path.begin() {
            Some(begin) if begin.seq > after.seq => {
                Err(missing(begin.seq.next(), after, begin.seq.next()))
            }
            _ => Route::begin(path, after),
        }
    }

    fn empty(&self, after: Position, floor: Seq) -> Result<Route> {
        let begun = self.begin.position;
        if floor > Seq(1) && self.begin.epoch == Epoch::ZERO {
            return Err(error(ErrorKind::Gap, "read")
                .context(format!("trim went up to {floor}, but no segment is there")));
        }
        if after == begun {
            return Ok(Route::empty(after));
        }
        if after.seq < begun.seq {
            return Err(missing(begun.seq.next(), after, floor));
        }
        Err(regressed(after, begun))
    }
}

fn missing(first: Seq, after: Position, floor: Seq) -> standfast_core::Error {
    let kind = if first <= floor {
        ErrorKind::Trimmed { floor: first }
    } else {
        ErrorKind::Gap
    };
    error(kind, "read").context(format!(
        "asked for what follows {after}, the log begins at seq {first}, trim went up to {floor}"
    ))
}

fn regressed(after: Position, end: Position) -> standfast_core::Error {
    error(ErrorKind::LogRegressed, "read")
        .context(format!("{after} is not in this log, which ends at {end}"))
}
