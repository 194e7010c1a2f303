use super::path::{Path, Span};
use crate::file::error::error;
use crate::file::segment::{Cursor, Step};
use standfast_core::{Batch, Error, ErrorKind, Position, ReadLimit, Result};

/// Reads along a path. Every frame is there, or the log is damaged: the path leads to what is committed.
#[derive(Debug)]
pub(in crate::file) struct Route {
    rest: Path,
    position: Position,
    cursor: Option<Cursor>,
    /// Read, but over the limit of the one who asked.
    spare: Option<Batch>,
}

impl Route {
    /// A log without a batch.
    pub(in crate::file) fn empty(position: Position) -> Self {
        Self {
            rest: Path::default(),
            position,
            cursor: None,
            spare: None,
        }
    }

    /// Finds `after` in the first segment of `path`.
    ///
    /// # Errors
    /// `LogRegressed` when something else is there; `NotFound` when the file is gone.
    pub(in crate::file) fn begin(path: Path, after: Position) -> Result<Self> {
        let mut route = Self {
            rest: path,
            position: after,
            cursor: None,
            spare: None,
        };
        let Some(first) = route.rest.spans.front() else {
            return Ok(route);
        };
        let mut cursor = first.segment.cursor_before(after.seq)?;
        while cursor.scan().end.seq < after.seq {
            if next_frame(&mut cursor)?.is_none() {
                return Err(cursor.corrupt("frames up to a committed one are missing"));
            }
        }
        if !cursor.is_at(after) {
            return Err(error(ErrorKind::LogRegressed, "read").context(format!(
                "{after} is not in this log: it has {} there",
                cursor.scan().end
            )));
        }
        route.cursor = Some(cursor);
        Ok(route)
    }

    /// The next batch; `None` at the end of the path.
    ///
    /// # Errors
    /// `Corrupt` where a frame is missing; `NotFound` when a file is gone.
    pub(in crate::file) fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            let Some(span) = self.rest.spans.front() else {
                return Ok(None);
            };
            if self.position.seq >= span.upto.seq {
                if self.position != span.upto {
                    return Err(self.astray(span));
                }
                if self.rest.spans.len() == 1 {
                    return Ok(None);
                }
                self.rest.spans.pop_front();
                self.cursor = None;
                continue;
            }
            let cursor = match &mut self.cursor {
                Some(cursor) => cursor,
                empty => empty.insert(span.segment.cursor_before(self.position.seq)?),
            };
            // The cursor stands at the start of the segment, whose `previous` must be where we are.
            if !cursor.is_at(self.position) {
                return Err(self.astray(span));
            }
            let Some(batch) = next_frame(cursor)? else {
                let what = format!("the frame behind {} is damaged", self.position);
                return Err(cursor.corrupt(&what));
            };
            self.position = batch.end();
            return Ok(Some(batch));
        }
    }

    /// Batches up to `limit`, at least one if there is one.
    pub(in crate::file) fn collect(&mut self, limit: ReadLimit) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        let mut bytes = 0;
        while batches.len() < limit.batches.max(1) && (batches.is_empty() || bytes < limit.bytes) {
            let next = match self.spare.take() {
                Some(batch) => Some(batch),
                None => self.next()?,
            };
            let Some(batch) = next else { break };
            bytes += batch.frame().len();
            if bytes > limit.bytes && !batches.is_empty() {
                self.spare = Some(batch);
                break;
            }
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The cursor at the end of the last segment, to follow it. The path has been read to its end.
    pub(in crate::file) fn into_cursor(self) -> Result<Option<Cursor>> {
        match (self.cursor, self.rest.spans.back()) {
            (Some(cursor), _) => Ok(Some(cursor)),
            (None, Some(span)) => span.segment.cursor_before(self.position.seq).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn astray(&self, span: &Span) -> Error {
        error(ErrorKind::Corrupt, "read").context(format!(
            "{} has {} where the segment that follows it names {}",
            span.segment.path().display(),
            self.position,
            span.upto
        ))
    }
}

/// The next frame, marks passed over.
fn next_frame(cursor: &mut Cursor) -> Result<Option<Batch>> {
    loop {
        match cursor.step_over_holes()? {
            Step::Batch(batch) => return Ok(Some(batch)),
            Step::Mark => {}
            Step::End => return Ok(None),
        }
    }
}
