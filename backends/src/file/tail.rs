use std::sync::Arc;

use async_trait::async_trait;

use super::hint::Hint;
use super::history::Route;
use super::log_dir::{LogDir, again_if_vanished};
use super::segment::{Cursor, SegmentName, Step};
use standfast_core::{Batch, Epoch, ErrorKind, OpLogTail, Position, ReadLimit, Result, TailEvent};

#[cfg(test)]
use standfast_core::conformance::News;

/// How many quiet looks at something unreadable until the rest of the file is searched. A frame that is being
/// written is whole after one or two.
const PATIENCE: u32 = 50;

/// Follows the log.
///
/// Reads along a route to what is known committed, then goes on behind its end, where the frames of a living writer
/// appear. One frame at most is held back until the next, or a mark, proves it (OT-2). When another segment appears,
/// or the one it reads is not the newest, it asks for a new route: which branch goes on is not decided here.
#[derive(Debug)]
pub(super) struct FileTail {
    dir: Arc<LogDir>,
    hint: Hint,
    position: Position,
    source: Source,
    names: Vec<SegmentName>,
    epoch: Epoch,
    told: bool,
    quiet: u32,
}

#[derive(Debug)]
enum Source {
    Route(Route),
    Live {
        cursor: Option<Cursor>,
        /// Read, not proved.
        pending: Option<Batch>,
    },
}

impl FileTail {
    pub(super) fn open(dir: Arc<LogDir>, after: Position) -> Result<Self> {
        dir.cluster("tail")?;
        // Watches before it looks.
        let fences = dir.layout().at("fences");
        let hint = Hint::watch(&[dir.segments().path(), &fences]);
        let epoch = dir.fence()?;
        let names = dir.segments().names()?;
        let route = route(&dir, after)?;
        Ok(Self {
            dir,
            hint,
            position: after,
            source: Source::Route(route),
            names,
            epoch,
            told: false,
            quiet: 0,
        })
    }

    #[cfg(test)]
    pub(super) fn misled(mut self, news: Option<News>) -> Self {
        self.hint.mislead(news);
        self
    }

    fn look(&mut self) -> Result<Option<TailEvent>> {
        let batches = match self.batches() {
            Ok(batches) => batches,
            Err(error) => match *error.kind() {
                ErrorKind::Trimmed { floor } => return Ok(Some(TailEvent::Trimmed { floor })),
                _ => return Err(error),
            },
        };
        if let Some(last) = batches.last() {
            self.position = last.end();
            self.told = false;
            return Ok(Some(TailEvent::Batches(batches)));
        }
        let fence = self.dir.fence()?;
        if fence > self.epoch {
            self.epoch = fence;
            return Ok(Some(TailEvent::NewEpoch(fence)));
        }
        if !self.told {
            self.told = true;
            return Ok(Some(TailEvent::CaughtUp {
                tail: self.position,
            }));
        }
        Ok(None)
    }

    fn batches(&mut self) -> Result<Vec<Batch>> {
        let batches = match self.advance() {
            // Trimmed under us, or a header in the making: the next route tells.
            Err(error) if *error.kind() == ErrorKind::NotFound => Vec::new(),
            result => result?,
        };
        if !batches.is_empty() {
            self.quiet = 0;
            return Ok(batches);
        }
        self.quiet = self.quiet.saturating_add(1);
        let names = self.dir.segments().names()?;
        if names == self.names && self.follows_the_newest() {
            return Ok(batches);
        }
        let route = route(&self.dir, self.position)?;
        self.names = names;
        self.source = Source::Route(route);
        match self.advance() {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            result => result,
        }
    }

    fn follows_the_newest(&self) -> bool {
        match &self.source {
            Source::Live {
                cursor: Some(cursor),
                ..
            } => self.names.last() == Some(&cursor.segment().name()),
            Source::Live { cursor: None, .. } => self.names.is_empty(),
            Source::Route(_) => false,
        }
    }

    /// What can be delivered where we stand.
    fn advance(&mut self) -> Result<Vec<Batch>> {
        if let Source::Route(route) = &mut self.source {
            let batches = route.collect(ReadLimit::default())?;
            if !batches.is_empty() {
                return Ok(batches);
            }
            let done = std::mem::replace(
                &mut self.source,
                Source::Live {
                    cursor: None,
                    pending: None,
                },
            );
            if let (Source::Route(route), Source::Live { cursor, .. }) = (done, &mut self.source) {
                *cursor = route.into_cursor()?;
                if let Some(cursor) = cursor {
                    let name = cursor.segment().name().to_string();
                    // Watches before it looks.
                    self.hint.follow(&self.dir.segments().path().join(name));
                }
            }
        }
        let search = self.quiet > 0 && self.quiet.is_multiple_of(PATIENCE);
        let Source::Live {
            cursor: Some(cursor),
            pending,
        } = &mut self.source
        else {
            return Ok(Vec::new());
        };
        follow(cursor, pending, search)
    }
}

/// Frames that have appeared behind `cursor` and are proved.
fn follow(cursor: &mut Cursor, pending: &mut Option<Batch>, search: bool) -> Result<Vec<Batch>> {
    let limit = ReadLimit::default();
    let mut batches = Vec::new();
    let mut bytes = 0;
    while batches.len() < limit.batches && bytes < limit.bytes {
        let step = if search {
            cursor.step_over_holes()?
        } else {
            cursor.step()?
        };
        let proved = match step {
            Step::Batch(batch) => pending.replace(batch),
            Step::Mark => pending.take(),
            Step::End => break,
        };
        bytes += proved.as_ref().map_or(0, |batch| batch.frame().len());
        batches.extend(proved);
    }
    Ok(batches)
}

fn route(dir: &LogDir, after: Position) -> Result<Route> {
    again_if_vanished(|| dir.survey("tail")?.route(after, dir.floor()?))
}

#[async_trait]
impl OpLogTail for FileTail {
    async fn next(&mut self) -> Result<TailEvent> {
        loop {
            if let Some(event) = self.look()? {
                return Ok(event);
            }
            self.hint.wait().await;
        }
    }
}
