use std::io;
use std::path::Path;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::begin::{self, Begin};
use super::cluster;
use super::error::{error, io_error};
use super::exclusive;
use super::history::{SegmentDir, Survey};
use super::layout::Layout;
use super::numbered::{self, NumberedDir};
use super::reserve::Reserve;
use crate::durable_dir::create_dir_durably;
use standfast_core::{Epoch, ErrorKind, FenceToken, Fingerprint, Result, Seq};

/// The directories in the directory.
pub(super) const FOLDERS: &[&str] = &["tmp", "fences", "gate", "segments", "floors"];

/// How often a listing is read again when files vanish while it is read.
const TRIES: usize = 10;

/// The directory of a log: what its store, writers and tails share.
#[derive(Debug)]
pub(super) struct LogDir {
    layout: Layout,
    segments: SegmentDir,
    fences: Mutex<NumberedDir>,
    floors: Mutex<NumberedDir>,
    reserve: Reserve,
    segment_size: u64,
    cluster: OnceLock<Fingerprint>,
}

impl LogDir {
    /// Opens the directory and makes what is missing of it, the fingerprint excepted.
    pub(super) fn open(path: &Path, segment_size: u64) -> Result<Self> {
        let layout = Layout::new(path.to_owned());
        layout.create(FOLDERS)?;
        let numbered = |name: &str| {
            let path = layout.at(name);
            NumberedDir::open(&path)
                .map(Mutex::new)
                .map_err(|source| io_error("open store", &path, source))
        };
        Ok(Self {
            segments: SegmentDir::new(layout.at("segments")),
            fences: numbered("fences")?,
            floors: numbered("floors")?,
            reserve: Reserve::new(layout.at("reserve")),
            segment_size,
            cluster: OnceLock::new(),
            layout,
        })
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) const fn segments(&self) -> &SegmentDir {
        &self.segments
    }

    pub(super) const fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// Makes the record of this number in a folder that is made with the first one; false when there is one. It may take
    /// the reserve.
    pub(super) fn create_numbered(
        &self,
        folder: &Path,
        number: u64,
        content: &[u8],
    ) -> io::Result<bool> {
        self.create_named(folder, &numbered::name(number), content)
    }

    /// The same for a record of another name.
    pub(super) fn create_named(
        &self,
        folder: &Path,
        name: &str,
        content: &[u8],
    ) -> io::Result<bool> {
        self.reserve.with(|| {
            create_dir_durably(folder)?;
            exclusive::create(&self.layout.tmp(), folder, name, content)
        })
    }

    pub(super) const fn segment_size(&self) -> u64 {
        self.segment_size
    }

    /// The fingerprint, which never changes once it is there.
    pub(super) fn cluster(&self, operation: &'static str) -> Result<Fingerprint> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(*cluster);
        }
        let cluster = cluster::require(&self.layout, operation)?;
        Ok(*self.cluster.get_or_init(|| cluster))
    }

    /// Whether `token` is of this cluster.
    pub(super) fn owned_by(&self, token: &FenceToken, operation: &'static str) -> Result<()> {
        let own = self.cluster(operation)?;
        if own == token.cluster {
            return Ok(());
        }
        Err(cluster::foreign(
            &self.layout,
            operation,
            own,
            token.cluster,
        ))
    }

    /// The highest epoch that was let in.
    pub(super) fn fence(&self) -> Result<Epoch> {
        largest(&self.fences).map(Epoch)
    }

    /// The gate, for one writer.
    pub(super) fn gate(&self) -> Result<NumberedDir> {
        let path = self.layout.at("gate");
        NumberedDir::open(&path).map_err(|source| io_error("open writer", &path, source))
    }

    /// What trim has recorded, or where the log was begun anew: the entries below may be missing. 1 before the first.
    pub(super) fn floor(&self) -> Result<Seq> {
        let begun = begin::newest(&self.layout)?.map_or(Seq(1), |begin| begin.position.seq.next());
        largest(&self.floors).map(|seq| Seq(seq).max(begun))
    }

    /// Reads where the log ends.
    pub(super) fn survey(&self, operation: &'static str) -> Result<Survey> {
        let cluster = self.cluster(operation)?;
        let begin = begin::newest(&self.layout)?.unwrap_or_else(|| Begin::genesis(cluster));
        again_if_vanished(|| Survey::read(self.segments.load(cluster, begin)?, begin))
    }
}

/// Does `look` again when a file vanished under it: trim was at work.
pub(super) fn again_if_vanished<T>(look: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..TRIES {
        match look() {
            Err(error) if *error.kind() == ErrorKind::NotFound => {}
            result => return result,
        }
    }
    look().map_err(|source| match source.kind() {
        ErrorKind::NotFound => error(ErrorKind::Unavailable, "read log")
            .context("files vanish as fast as they are listed")
            .source(source),
        _ => source,
    })
}

fn largest(dir: &Mutex<NumberedDir>) -> Result<u64> {
    let mut dir = dir.lock();
    let found = dir.largest();
    found
        .map(|number| number.unwrap_or(0))
        .map_err(|source: io::Error| io_error("list", dir.path(), source))
}
