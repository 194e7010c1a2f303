use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::grant::{Grant, boot_id};
use crate::file::cluster;
use crate::file::error::{error, io_error};
use crate::file::layout::Layout;
use crate::file::numbered::{self, NumberedDir};
use standfast_core::{Epoch, ErrorKind, Fingerprint, Reach, Result};

/// The directories in the directory.
pub(in crate::file) const FOLDERS: &[&str] = &["tmp", "fences", "terms", "nodes"];

/// The directory of an election.
#[derive(Debug)]
pub(super) struct ElectionDir {
    layout: Layout,
    reach: Reach,
    boot: String,
    fences: Mutex<NumberedDir>,
    cluster: OnceLock<Fingerprint>,
}

impl ElectionDir {
    pub(super) fn open(path: &Path, reach: impl FnOnce(&Path) -> Result<Reach>) -> Result<Self> {
        let layout = Layout::new(path.to_owned());
        layout.create(FOLDERS)?;
        let fences = layout.at("fences");
        Ok(Self {
            reach: reach(path)?,
            boot: boot_id()?,
            fences: NumberedDir::open(&fences)
                .map(Mutex::new)
                .map_err(|source| io_error("open store", &fences, source))?,
            cluster: OnceLock::new(),
            layout,
        })
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) const fn reach(&self) -> Reach {
        self.reach
    }

    pub(super) fn boot(&self) -> &str {
        &self.boot
    }

    pub(super) fn cluster(&self, operation: &'static str) -> Result<Fingerprint> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(*cluster);
        }
        let cluster = cluster::require(&self.layout, operation)?;
        Ok(*self.cluster.get_or_init(|| cluster))
    }

    pub(super) fn fences_path(&self) -> PathBuf {
        self.layout.at("fences")
    }

    /// The highest epoch granted; zero before the first.
    pub(super) fn epoch(&self) -> Result<Epoch> {
        let mut fences = self.fences.lock();
        let found = fences.largest();
        found
            .map(|number| Epoch(number.unwrap_or(0)))
            .map_err(|source| io_error("list epochs", fences.path(), source))
    }

    /// The highest epoch that was announced; zero before the first. Looks from the newest on: it is among the last ones,
    /// unless nobody was ever announced.
    pub(super) fn announced(&self) -> Result<Epoch> {
        let mut epoch = self.epoch()?;
        while epoch > Epoch::ZERO {
            let path = self.of_term("serving", epoch);
            match path.try_exists() {
                Ok(true) => break,
                Ok(false) => epoch = Epoch(epoch.0 - 1),
                Err(source) => return Err(io_error("read announced epoch", &path, source)),
            }
        }
        Ok(epoch)
    }

    /// The epochs granted above `epoch`.
    pub(super) fn above(&self, epoch: Epoch) -> Result<Vec<Epoch>> {
        let mut fences = self.fences.lock();
        let found = fences.above(epoch.0);
        found
            .map(|numbers| numbers.into_iter().map(Epoch).collect())
            .map_err(|source| io_error("list epochs", fences.path(), source))
    }

    pub(super) fn grant(&self, epoch: Epoch) -> Result<Grant> {
        Grant::read(&self.grant_path(epoch))
    }

    pub(super) fn grant_path(&self, epoch: Epoch) -> PathBuf {
        self.fences_path().join(numbered::name(epoch.0))
    }

    /// A file that belongs to a term.
    pub(super) fn of_term(&self, what: &str, epoch: Epoch) -> PathBuf {
        self.layout.at(&of_term(what, epoch))
    }

    /// Whether the lock on `path`, taken under the kernel with id `boot`, is proved free.
    pub(super) fn is_freed(&self, path: &Path, boot: &str) -> Result<bool> {
        if boot != self.boot {
            // One host only: it was started anew since. Several: nothing is known.
            return Ok(self.reach == Reach::Host);
        }
        probe(path).map_err(|source| io_error("probe lock", path, source))
    }

    /// Whether `epoch` is the highest granted.
    pub(super) fn check_leads(&self, epoch: Epoch, operation: &'static str) -> Result<()> {
        let largest = self.epoch()?;
        if largest == epoch {
            return Ok(());
        }
        Err(error(ErrorKind::Fenced, operation)
            .context(format!("epoch {largest} was granted after {epoch}")))
    }
}

pub(super) fn of_term(what: &str, epoch: Epoch) -> String {
    format!("{what}-{:020}", epoch.0)
}

/// Whether nobody holds an exclusive lock on the file.
pub(super) fn probe(path: &Path) -> io::Result<bool> {
    match File::open(path)?.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
