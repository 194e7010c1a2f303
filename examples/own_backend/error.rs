//! SQLite's errors as ours: here and nowhere else.

use rusqlite::ErrorCode;
use standfast::{Error, ErrorKind};

/// The name in `type = ".."`.
pub(crate) const NAME: &str = "sqlite";

/// An error of this backend.
pub(crate) fn error(kind: ErrorKind, operation: &'static str) -> Error {
    Error::new(kind, operation).backend(NAME)
}

/// What the caller does next about an error of SQLite before anything was committed.
pub(crate) fn sqlite_error(operation: &'static str, source: rusqlite::Error) -> Error {
    let kind = match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::Quota,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        _ => ErrorKind::Unavailable,
    };
    error(kind, operation).source(source)
}
