//! Opening the database of a directory, as its one writer or as one of its readers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, IteratorMode};
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use super::error::{corrupt, database_error, error, io_error, not_initialised};
use super::holder::Holder;
use super::layout::{BATCHES, META};
use super::options::Tuning;
use super::wal::{self, End};
use standfast_core::{Error, ErrorKind, Result};

/// How often, and how long each time, a lock is waited for whose holder may be ending: the kernel frees the memory of a
/// killed process before its locks.
const LOCK_TRIES: u32 = 125;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Whether there is a database at all.
///
/// # Errors
/// `Corrupt` when there is one without `CURRENT`, the file that RocksDB begins with: it would take the rest for nothing,
/// and make a new one over it. `Config`, `Unavailable` when one cannot look.
pub(super) fn exists(operation: &'static str, dir: &Path) -> Result<bool> {
    let current = dir.join("CURRENT");
    match fs::metadata(&current) {
        Ok(_) => Ok(true),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(io_error(operation, &current, source))
        }
        Err(_missing) => match left_of_one(dir).map_err(|e| io_error(operation, dir, e))? {
            None => Ok(false),
            // Made meanwhile.
            Some(_) if current.exists() => Ok(true),
            Some(left) => {
                let what = format!("CURRENT is missing, and {left} is there");
                Err(corrupt(operation, dir, &what))
            }
        },
    }
}

/// A file of a database that had its `CURRENT` once. Before that there is at most a first manifest.
fn left_of_one(dir: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_numbered =
            |number: &str| number.len() >= 6 && number.bytes().all(|b| b.is_ascii_digit());
        let is_manifest = name.strip_prefix("MANIFEST-").is_some_and(is_numbered);
        let is_first = name == "MANIFEST-000001";
        let (stem, kind) = name.rsplit_once('.').unwrap_or_default();
        if is_manifest && !is_first || matches!(kind, "sst" | "log") && is_numbered(stem) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Opens the database as the only one who writes to it. What the write-ahead log held is in files when this returns, and
/// synced: RocksDB writes out what it recovers.
///
/// # Errors
/// `Unavailable` naming the process that holds it; `Corrupt`, `Config`, `Quota`; `NotFound` when it was never made.
pub(super) fn open(operation: &'static str, dir: &Path, tuning: &Tuning) -> Result<DB> {
    if !exists(operation, dir)? {
        return Err(not_initialised(operation, dir));
    }
    wait_for_lock(operation, dir)?;
    let options = match wal::check(operation, dir)? {
        End::Sound => tuning.database.clone(),
        End::Torn => tuning.upto_the_cut(),
    };
    DB::open_cf_descriptors(&options, dir, families())
        .map_err(|source| not_opened(operation, dir, tuning, source))
}

/// Waits a moment for whoever holds the lock. RocksDB is not asked: it would first put the holder's own log file aside.
///
/// # Errors
/// `Unavailable` naming the process that holds it.
fn wait_for_lock(operation: &'static str, dir: &Path) -> Result<()> {
    let mut tries = 0;
    while let Some(holder) = Holder::of(dir) {
        if tries == LOCK_TRIES || !holder.may_be_leaving() {
            return Err(held(operation, dir, holder));
        }
        tries += 1;
        std::thread::park_timeout(LOCK_PAUSE);
    }
    Ok(())
}

fn held(operation: &'static str, dir: &Path, holder: Holder) -> Error {
    error(ErrorKind::Unavailable, operation)
        .context(format!("{} is held by {holder}", dir.display()))
}

/// Makes the database, or finishes one that was being made.
///
/// # Errors
/// As [`open`].
pub(super) fn make(operation: &'static str, dir: &Path, tuning: &Tuning) -> Result<DB> {
    let mut options = tuning.database.clone();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    DB::open_cf_descriptors(&options, dir, families())
        .map_err(|source| not_opened(operation, dir, tuning, source))
}

/// Whether nobody has put anything into the database, if there is one.
///
/// # Errors
/// `Foreign`; else as [`open`].
pub(super) fn check_unused(operation: &'static str, dir: &Path, tuning: &Tuning) -> Result<()> {
    if !exists(operation, dir)? {
        return Ok(());
    }
    let db = DB::open_for_read_only(&tuning.database, dir, false)
        .map_err(|source| refused(operation, dir, tuning, source))?;
    if db.iterator(IteratorMode::Start).next().is_some() {
        return Err(no_log(operation, dir));
    }
    Ok(())
}

/// How a reader has the database.
pub(super) enum Followed {
    /// A secondary instance, which catches up.
    Following(DB),
    /// As it was: its last writer was cut, and until the next one begins nothing comes.
    AsItWas(DB),
}

/// Opens the database as one of its readers, which keeps its own notes in `scratch`.
///
/// # Errors
/// As [`open`], only that no lock is needed.
pub(super) fn follow(
    operation: &'static str,
    dir: &Path,
    scratch: &Path,
    tuning: &Tuning,
) -> Result<Followed> {
    if !exists(operation, dir)? {
        return Err(not_initialised(operation, dir));
    }
    let opened = match wal::check_readable(operation, dir)? {
        End::Sound => {
            let options = tuning.following();
            DB::open_cf_descriptors_as_secondary(&options, dir, scratch, families())
                .map(Followed::Following)
        }
        End::Torn => {
            let options = tuning.upto_the_cut();
            DB::open_cf_descriptors_read_only(&options, dir, families(), false)
                .map(Followed::AsItWas)
        }
    };
    opened.map_err(|source| refused(operation, dir, tuning, source))
}

fn families() -> [ColumnFamilyDescriptor; 2] {
    [BATCHES, META].map(|name| ColumnFamilyDescriptor::new(name, Tuning::family()))
}

/// The family of the batches.
pub(super) fn batches(db: &DB) -> &ColumnFamily {
    db.cf_handle(BATCHES).expect("opened with it")
}

/// The family of the records.
pub(super) fn meta(db: &DB) -> &ColumnFamily {
    db.cf_handle(META).expect("opened with it")
}

/// Why a database cannot be opened by its one writer: another may hold it.
fn not_opened(
    operation: &'static str,
    dir: &Path,
    tuning: &Tuning,
    source: rocksdb::Error,
) -> Error {
    let is_damaged = source.kind() == rocksdb::ErrorKind::Corruption;
    match Holder::of(dir).filter(|_| !is_damaged) {
        Some(holder) => held(operation, dir, holder).source(source),
        None => refused(operation, dir, tuning, source),
    }
}

/// Why a database cannot be opened that nobody holds, or by one who needs no lock: RocksDB has one word for all that the
/// system refuses, so we look for ourselves.
fn refused(operation: &'static str, dir: &Path, tuning: &Tuning, source: rocksdb::Error) -> Error {
    if source.kind() == rocksdb::ErrorKind::Corruption {
        return database_error(operation, dir, source);
    }
    if let Err(refused) = check_writable(operation, dir) {
        return refused.source(source);
    }
    if let Some(missing) = missing_manifest(dir) {
        return corrupt(
            operation,
            dir,
            &format!("CURRENT names {}, which is not there", missing.display()),
        )
        .source(source);
    }
    if let Ok(found) = DB::list_cf(&tuning.database, dir)
        && !found.iter().any(|name| name == META)
    {
        return no_log(operation, dir).source(source);
    }
    database_error(operation, dir, source)
}

fn no_log(operation: &'static str, dir: &Path) -> Error {
    error(ErrorKind::Foreign, operation).context(format!(
        "{} holds a database that is no log: give the log a directory of its own",
        dir.display()
    ))
}

/// Whether files can be made in `dir`.
///
/// # Errors
/// `Config`, `Quota`, with the way out.
pub(super) fn check_writable(operation: &'static str, dir: &Path) -> Result<()> {
    let failed = |source: rustix::io::Errno| io_error(operation, dir, source.into());
    let disk = statvfs(dir).map_err(failed)?;
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(error(ErrorKind::Config, operation).context(format!(
            "{} is on a file system that is mounted read-only: mount it for writing",
            dir.display()
        )));
    }
    access(dir, Access::WRITE_OK).map_err(failed)?;
    if disk.f_bavail == 0 {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        return Err(io_error(operation, dir, full));
    }
    Ok(())
}

fn missing_manifest(dir: &Path) -> Option<PathBuf> {
    let named = || {
        let current = fs::read_to_string(dir.join("CURRENT")).ok()?;
        Some(dir.join(current.trim_end()))
    };
    let manifest = named()?;
    // A writer may have begun a new one meanwhile.
    (!manifest.exists() && named()? == manifest).then_some(manifest)
}
