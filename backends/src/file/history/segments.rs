use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::file::begin::Begin;
use crate::file::error::io_error;
use crate::file::segment::{Segment, SegmentName};
use standfast_core::{Fingerprint, Result};

/// The segments there are, as of one listing.
pub(in crate::file) type Segments = BTreeMap<SegmentName, Arc<Segment>>;

/// The directory of segments, and what this process has read of each.
#[derive(Debug)]
pub(in crate::file) struct SegmentDir {
    path: PathBuf,
    known: Mutex<Segments>,
}

impl SegmentDir {
    pub(in crate::file) fn new(path: PathBuf) -> Self {
        Self {
            path,
            known: Mutex::default(),
        }
    }

    pub(in crate::file) fn path(&self) -> &Path {
        &self.path
    }

    /// The names there are, in order.
    pub(in crate::file) fn names(&self) -> Result<Vec<SegmentName>> {
        let list = || {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                names.extend(entry?.file_name().to_str().and_then(SegmentName::parse));
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(|source| io_error("list segments", &self.path, source))
    }

    /// Lists, and reads the headers that are new. What was there before the log was begun anew does not count: segments of
    /// lower epochs, and those that a follower filled under this one.
    ///
    /// # Errors
    /// `Corrupt`, `Version`, `Foreign` for a header that is not ours to read.
    pub(in crate::file) fn load(&self, cluster: Fingerprint, begin: Begin) -> Result<Segments> {
        let mut names = self.names()?;
        names.retain(|name| (name.epoch, name.first) > (begin.epoch, begin.position.seq));
        let known = self.known.lock().clone();
        let mut segments = Segments::new();
        for name in names {
            let segment = match known.get(&name) {
                Some(segment) => Some(Arc::clone(segment)),
                None => Segment::load(&self.path, name, cluster)?,
            };
            segments.extend(segment.map(|segment| (name, segment)));
        }
        self.known.lock().clone_from(&segments);
        Ok(segments)
    }
}
