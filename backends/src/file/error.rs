//! Errors of this backend. Every foreign error becomes ours here.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use standfast_core::{Error, ErrorKind};

pub(super) const NAME: &str = "file";

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

/// An error of the file system met at `path`. Not for the bytes of an append: whether those are there is a
/// question of its own.
pub(super) fn io_error(operation: &'static str, path: &Path, source: io::Error) -> Error {
    let kind = match source.kind() {
        _ if is_full(&source) => ErrorKind::Quota,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Config,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    error(kind, operation)
        .context(path.display().to_string())
        .source(source)
}

/// Whether the disk, or our share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Damage at `offset` of the file at `path`.
pub(super) fn corrupt(operation: &'static str, path: &Path, offset: u64, what: &str) -> Error {
    error(ErrorKind::Corrupt, operation)
        .context(format!("{} at byte {offset}: {what}", path.display()))
}
