//! Errors of the object store become ours here and nowhere else.

use std::error::Error as StdError;
use std::io;

use object_store::Error as Foreign;
use standfast_core::{Error, ErrorKind};

/// An error of this backend.
pub(super) fn fail(kind: ErrorKind, operation: &'static str, context: impl Into<String>) -> Error {
    Error::new(kind, operation)
        .backend("bucket")
        .context(context)
}

/// What became of a call on `name`.
pub(super) fn from_store(operation: &'static str, name: &str, error: Foreign) -> Error {
    fail(kind(&error), operation, format!("object `{name}`")).source(error)
}

/// What became of a file-system call on `path`.
pub(super) fn from_io(operation: &'static str, path: &std::path::Path, error: io::Error) -> Error {
    let kind = kind_of_io(&error);
    fail(kind, operation, format!("`{}`", path.display())).source(error)
}

fn kind(error: &Foreign) -> ErrorKind {
    match error {
        Foreign::NotFound { .. } => ErrorKind::NotFound,
        Foreign::AlreadyExists { .. } | Foreign::Precondition { .. } => ErrorKind::AlreadyExists,
        Foreign::PermissionDenied { .. } | Foreign::Unauthenticated { .. } => ErrorKind::Auth,
        Foreign::NotSupported { .. } | Foreign::NotImplemented { .. } => ErrorKind::Unsupported,
        Foreign::InvalidPath { .. } => ErrorKind::Invalid,
        Foreign::UnknownConfigurationKey { .. } => ErrorKind::Config,
        other => io_below(other).map_or(ErrorKind::Unavailable, kind_of_io),
    }
}

/// `LocalFileSystem` wraps what the system said in its own private errors.
fn io_below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut below: Option<&'a (dyn StdError + 'static)> = error.source();
    while let Some(error) = below {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        below = error.source();
    }
    None
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Quota,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Auth,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    }
}
