use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use rocksdb::DB;

use super::claim::{self, Claim, Role};
use super::database;
use super::error::error;
use super::options::Tuning;
use super::records::FenceRecord;
use super::secondary::Secondary;
use super::view::View;
use standfast_core::{ErrorKind, FenceToken, Position, Result};

/// The database of one handle: its own while a writer of this handle lives, else a secondary instance of it.
///
/// Handles of one process share nothing but the directory, as those of several processes do.
pub(super) struct Space {
    dir: PathBuf,
    tuning: Tuning,
    owner: RwLock<Option<Owner>>,
    secondary: Secondary,
    granted: AtomicU64,
    /// Up to which entry the room of what was trimmed is given back.
    pub(super) given_back: AtomicU64,
}

/// The open database of a term. Closing it gives the lock back.
struct Owner {
    db: DB,
    fence: FenceRecord,
    /// Tells two writers of one token apart: only the last one writes.
    generation: u64,
}

/// What a writer shows to be given the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    generation: u64,
    /// Up to where it is known committed.
    pub(super) committed: Position,
    /// Where the log ended.
    pub(super) end: Position,
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("dir", &self.dir).finish()
    }
}

impl Space {
    pub(super) fn new(dir: &Path, scratches: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            tuning: Tuning::new(),
            owner: RwLock::new(None),
            secondary: Secondary::new(scratches),
            granted: AtomicU64::new(0),
            given_back: AtomicU64::new(0),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) const fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Whether a term of this handle holds the database.
    pub(super) fn is_held(&self) -> bool {
        self.owner.read().is_some()
    }

    /// Looks at the log, as fresh as it can be seen.
    pub(super) fn look<T>(
        &self,
        operation: &'static str,
        look: impl Fn(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        if let Some(owner) = &*self.owner.read() {
            let live = || look(&View::live(&owner.db, &self.dir));
            return match live() {
                // A trim drops files from under an older view: a newer one tells so.
                Err(error) if matches!(error.kind(), ErrorKind::Gap | ErrorKind::LogRegressed) => {
                    live()
                }
                looked => looked,
            };
        }
        self.secondary
            .look(operation, &self.dir, &self.tuning, look)
    }

    /// Lets `token` in, a follower also once more. Whoever wrote through this handle before is shut out.
    ///
    /// # Errors
    /// As [`Claim::make`].
    pub(super) fn claim(
        &self,
        token: &FenceToken,
        role: Role,
        operation: &'static str,
    ) -> Result<Grant> {
        let mut owner = self.owner.write();
        self.vacate(&mut owner, token, role, operation)?;
        let Claim {
            db,
            fence,
            committed,
            end,
        } = Claim::make(self, token, role, operation, |_, _| Ok(()))?;
        let grant = Grant {
            generation: self.granted.fetch_add(1, Ordering::Relaxed),
            committed,
            end,
        };
        *owner = Some(Owner {
            db,
            fence,
            generation: grant.generation,
        });
        drop(owner);
        self.secondary.close();
        Ok(grant)
    }

    /// Does something under the lock that is no term.
    ///
    /// # Errors
    /// `Fenced`, and what `work` meets.
    pub(super) fn shut_out<T>(
        &self,
        token: &FenceToken,
        operation: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let mut owner = self.owner.write();
        self.vacate(&mut owner, token, Role::Writer, operation)?;
        work()
    }

    /// Gives the database to whoever needs its lock for a moment: the one of this handle's term, or it is opened.
    ///
    /// # Errors
    /// As [`database::open`], and what `work` meets.
    pub(super) fn with_lock<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&DB) -> Result<T>,
    ) -> Result<T> {
        let owner = self.owner.write();
        match &*owner {
            Some(owner) => work(&owner.db),
            None => work(&database::open(operation, &self.dir, &self.tuning)?),
        }
    }

    /// Closes the database of an earlier term, if `token` may be let in after it.
    fn vacate(
        &self,
        owner: &mut Option<Owner>,
        token: &FenceToken,
        role: Role,
        operation: &'static str,
    ) -> Result<()> {
        if let Some(own) = owner {
            claim::check(&View::live(&own.db, &self.dir), token, role, operation)?;
        }
        *owner = None;
        Ok(())
    }

    /// Gives the database to a writer, if it is still the one that was let in last.
    ///
    /// # Errors
    /// `Fenced`, and what `work` meets.
    pub(super) fn as_writer<T>(
        &self,
        grant: Grant,
        operation: &'static str,
        work: impl FnOnce(&DB) -> Result<T>,
    ) -> Result<T> {
        match &*self.owner.read() {
            Some(owner) if owner.generation == grant.generation => work(&owner.db),
            _ => Err(error(ErrorKind::Fenced, operation)
                .context("another was let in after this writer, which lost the log's lock")),
        }
    }

    /// Gives the database to the holder of `token`.
    ///
    /// # Errors
    /// `Foreign`, `Fenced`, and what `work` meets.
    pub(super) fn as_holder<T>(
        &self,
        token: &FenceToken,
        operation: &'static str,
        work: impl FnOnce(&DB) -> Result<T>,
    ) -> Result<T> {
        let owner = self.owner.read();
        match &*owner {
            Some(owner) if owner.fence.is_of(token) => {
                View::live(&owner.db, &self.dir).owned_by(token, operation)?;
                work(&owner.db)
            }
            Some(owner) => Err(error(ErrorKind::Fenced, operation).context(format!(
                "epoch {} holds the log, not {}",
                owner.fence.epoch, token.epoch
            ))),
            None => Err(error(ErrorKind::Fenced, operation).context(format!(
                "no writer of epoch {} is open here, and only it may change the log",
                token.epoch
            ))),
        }
    }

    /// Closes the database, if it is still this writer's.
    pub(super) fn release(&self, grant: Grant) {
        let is_own = |owner: &Owner| owner.generation == grant.generation;
        // Recursive: it passes by whoever waits to take the database, who waits for the same.
        let held = self.owner.read_recursive();
        if let Some(owner) = held.as_ref().filter(|owner| is_own(owner)) {
            // A trim that merges files holds the database until it is done: it gives up now, and the next one goes on.
            owner.db.cancel_all_background_work(false);
        }
        drop(held);
        let mut owner = self.owner.write();
        if owner.as_ref().is_some_and(is_own) {
            *owner = None;
        }
    }
}
