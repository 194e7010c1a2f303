use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rocksdb::DB;

use super::database::{Followed, follow};
use super::error::{database_error, io_error};
use super::options::Tuning;
use super::view::View;
use standfast_core::{ErrorKind, Result};

/// How often a look is made again that met what may pass, and the pause before it. A reader looks at the files of a
/// process that writes them: for a moment it may find a batch and not the one before it, which has just moved from the
/// write-ahead log to a file.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1);

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A secondary instance: reads the database that another process, or another handle, writes. Opened by the first look.
#[derive(Debug)]
pub(super) struct Secondary {
    scratches: PathBuf,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    db: DB,
    _scratch: Scratch,
}

impl Secondary {
    /// Keeps its notes in directories of its own below `scratches`.
    pub(super) fn new(scratches: &Path) -> Self {
        Self {
            scratches: scratches.to_owned(),
            open: Mutex::new(None),
        }
    }

    /// Catches up and looks.
    pub(super) fn look<T>(
        &self,
        operation: &'static str,
        dir: &Path,
        tuning: &Tuning,
        look: impl Fn(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut open = self.open.lock();
        let mut tries = 0;
        loop {
            let result = self.once(&mut open, operation, dir, tuning, &look);
            let Err(error) = result else { return result };
            if tries == TRIES || !may_pass(error.kind()) {
                return Err(error);
            }
            if *error.kind() == ErrorKind::Corrupt {
                tries = tries.max(TRIES - 2);
            }
            if tries >= TRIES - 2 {
                // From the start: what it keeps in memory may be what is wrong. A record that it has read from the write-ahead log
                // hides a newer one in a file, until another comes from the log: the floor of a trim long ago.
                *open = None;
            }
            tries += 1;
            std::thread::park_timeout(PAUSE);
        }
    }

    fn once<T>(
        &self,
        open: &mut Option<Open>,
        operation: &'static str,
        dir: &Path,
        tuning: &Tuning,
        look: impl Fn(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        if let Some(Open { db, .. }) = open {
            db.try_catch_up_with_primary()
                .map_err(|source| database_error(operation, dir, source))?;
            return look(&View::still(db, dir));
        }
        let scratch = Scratch::make(&self.scratches)?;
        match follow(operation, dir, &scratch.0, tuning)? {
            Followed::AsItWas(db) => look(&View::still(&db, dir)),
            Followed::Following(db) => {
                let result = look(&View::still(&db, dir));
                *open = Some(Open {
                    db,
                    _scratch: scratch,
                });
                result
            }
        }
    }

    /// Gives its memory back until the next look.
    pub(super) fn close(&self) {
        self.open.lock().take();
    }
}

/// What the next look may not meet any more.
fn may_pass(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Gap | ErrorKind::LogRegressed | ErrorKind::Corrupt | ErrorKind::Unavailable
    )
}

/// Where a secondary instance keeps its notes: `{scratches}/{pid}-{n}`, gone with it.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn make(scratches: &Path) -> Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = scratches.join(format!("{}-{number}", std::process::id()));
        let mut made = make_in(scratches, &path);
        // The last of the others took the directory with it meanwhile.
        for _ in 0..TRIES {
            if !made
                .as_ref()
                .is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
            {
                break;
            }
            made = make_in(scratches, &path);
        }
        made.map_err(|source| io_error("follow log", &path, source))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "left the notes of a reader");
        }
        // Those of the last reader: a command that an operator runs as somebody else leaves no directory that the node may
        // not write to. Others are not empty.
        if let Some(scratches) = self.0.parent() {
            let _others = fs::remove_dir(scratches);
        }
    }
}

fn make_in(scratches: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    sweep(scratches)
}

/// Removes what processes left that were killed.
fn sweep(scratches: &Path) -> io::Result<()> {
    for entry in fs::read_dir(scratches)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.split('-').next()) else {
            continue;
        };
        let is_dead = pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists();
        if is_dead && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::debug!(%error, "left the notes of a dead reader");
        }
    }
    Ok(())
}
