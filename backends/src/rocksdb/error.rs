//! Errors of this backend. Every foreign error becomes ours here.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use standfast_core::{Error, ErrorKind, Fingerprint};

pub(super) const NAME: &str = "rocksdb";

pub(super) fn error(kind: ErrorKind, operation: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, operation).backend(NAME)
}

/// What a store without a fingerprint answers.
pub(super) fn not_initialised(operation: &'static str, dir: &Path) -> Error {
    error(ErrorKind::NotFound, operation).context(format!(
        "{} belongs to no cluster yet: run `standfast cluster init`",
        dir.display()
    ))
}

/// The directory is another cluster's.
pub(super) fn foreign(
    operation: &'static str,
    dir: &Path,
    own: Fingerprint,
    other: Fingerprint,
) -> Error {
    error(ErrorKind::Foreign, operation).context(format!(
        "{} belongs to the cluster with fingerprint {own}, this is {other}: give each cluster a directory of its own",
        dir.display()
    ))
}

/// What was read is not what was written.
pub(super) fn corrupt(operation: &'static str, dir: &Path, what: &str) -> Error {
    error(ErrorKind::Corrupt, operation).context(format!("{}: {what}", dir.display()))
}

/// An error of the database in `dir`. Not for the bytes of an append: whether those are there is a question of its own.
pub(super) fn database_error(operation: &'static str, dir: &Path, source: rocksdb::Error) -> Error {
    let kind = match source.kind() {
        rocksdb::ErrorKind::Corruption => ErrorKind::Corrupt,
        _ => ErrorKind::Unavailable,
    };
    error(kind, operation)
        .context(dir.display().to_string())
        .source(source)
}

/// An error of the file system met at `path`.
pub(super) fn io_error(operation: &'static str, path: &Path, source: io::Error) -> Error {
    let kind = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Quota,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Config,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    error(kind, operation)
        .context(path.display().to_string())
        .source(source)
}
