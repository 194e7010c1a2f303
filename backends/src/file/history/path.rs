use std::collections::VecDeque;
use std::sync::Arc;

use super::segments::Segments;
use crate::file::error::corrupt;
use crate::file::segment::{Segment, SegmentHeader};
use standfast_core::{Position, Result, Seq};

/// A segment and how far of it is history.
#[derive(Clone, Debug)]
pub(in crate::file) struct Span {
    pub(in crate::file) segment: Arc<Segment>,
    pub(in crate::file) upto: Position,
}

/// Segments that follow one another, the oldest first.
#[derive(Clone, Debug, Default)]
pub(in crate::file) struct Path {
    pub(in crate::file) spans: VecDeque<Span>,
}

impl Path {
    /// Walks back from `goal` until a segment begins at or before `stop`, or no older one is there.
    ///
    /// # Errors
    /// `Corrupt` when a header names a parent that cannot be one.
    pub(in crate::file) fn walk(segments: &Segments, goal: Span, stop: Seq) -> Result<Self> {
        let mut spans = VecDeque::from([goal]);
        while let Some(oldest) = spans.front() {
            let header: &SegmentHeader = oldest.segment.header();
            let Some(parent) = header.parent else { break };
            if header.previous.seq <= stop {
                break;
            }
            // Names only ever fall on the way back, so this ends whatever the headers say.
            if parent >= header.name {
                let what = format!("{parent} cannot be its parent");
                return Err(corrupt("read log", oldest.segment.path(), 0, &what));
            }
            let Some(segment) = segments.get(&parent) else {
                break;
            };
            spans.push_front(Span {
                segment: Arc::clone(segment),
                upto: header.previous,
            });
        }
        Ok(Self { spans })
    }

    /// What its first frame follows.
    pub(in crate::file) fn begin(&self) -> Option<Position> {
        self.spans
            .front()
            .map(|span| span.segment.header().previous)
    }
}
