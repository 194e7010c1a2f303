use std::path::{Path, PathBuf};

use super::error::{error, io_error};
use crate::durable_dir::{create_dir, create_dir_durably, sync_dir};
use standfast_core::{ErrorKind, Result};

/// The directory of a log or an election.
///
/// ```text
///   log                                          election
///   cluster                fingerprint           cluster
///   fences/{epoch:020}     who was let in        fences/{epoch:020}        who was granted it
///   gate/{epoch:020}       the newest of them
///   segments/{first_seq:020}-{epoch:020}.wal     serving/, resigned/{epoch:020}
///   floors/{seq:020}       trim went up to here  terms/{epoch:020}-{n:020}
///   begins/{epoch:020}     begun anew here
///   skips/{epoch:020}      entries passed over
///   log-id                 which disk it is
///   cuts/{epoch:020}       what a follower cut
///   reserve                room for EpochStart   heartbeats/{epoch:020}
///   tmp/                   files in the making   nodes/{id}.json, nodes/{id}.lock
/// ```
///
/// Numbers have 20 digits so that the order of names is the order of numbers. Files in `tmp` become visible
/// elsewhere by `link(2)`, which fails when the name is taken: whole, or not at all, and once.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    dir: PathBuf,
}

impl Layout {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.at("tmp")
    }

    /// Whether the directories were made.
    ///
    /// # Errors
    /// `NotFound` with the first that is missing.
    pub(super) fn check(&self, folders: &[&str]) -> Result<()> {
        let all = folders.iter().map(|folder| self.at(folder));
        for path in std::iter::once(self.dir.clone()).chain(all) {
            if !path.is_dir() {
                let missing = format!("there is no directory {}", path.display());
                return Err(error(ErrorKind::NotFound, "open store").context(missing));
            }
        }
        Ok(())
    }

    /// Makes the directories that are missing, durably.
    pub(super) fn create(&self, folders: &[&str]) -> Result<()> {
        let make = || {
            create_dir_durably(&self.dir)?;
            for folder in folders {
                create_dir(&self.at(folder))?;
            }
            sync_dir(&self.dir)
        };
        make().map_err(|source| io_error("open store", &self.dir, source))
    }
}
