//! Errors of the object store become ours here and nowhere else.

use std::error::Error as StdError;
use std::io;

use object_store::Error as Foreign;
use standfast_core::{Error, ErrorKind};

/// What a store says to a request whose signature is not of now.
const SKEWED: &str = "RequestTimeTooSkewed";

/// An error of this backend.
pub(super) fn fail(kind: ErrorKind, operation: &'static str, context: impl Into<String>) -> Error {
    Error::new(kind, operation)
        .backend("bucket")
        .context(context)
}

/// What became of a call on `name`.
pub(super) fn from_store(operation: &'static str, name: &str, error: Foreign) -> Error {
    let mut told = format!("object `{name}`");
    // A client of HTTP says that it could not send: why is at the bottom.
    if let Some(bottom) = causes(&error).last().map(ToString::to_string)
        && !error.to_string().contains(&bottom)
    {
        told = format!("{told}: {bottom}");
    }
    if said(&error).contains(SKEWED) {
        told = format!(
            "{told}: the clock of this machine and that of the store are too far apart, at S3 15 minutes: set it right, and \
             have NTP keep it so"
        );
    }
    fail(kind(&error), operation, told).source(error)
}

/// What became of a file-system call on `path`.
pub(super) fn from_io(operation: &'static str, path: &std::path::Path, error: io::Error) -> Error {
    let kind = kind_of_io(&error);
    fail(kind, operation, format!("`{}`", path.display())).source(error)
}

fn kind(error: &Foreign) -> ErrorKind {
    if let Some(kind) = kind_by_code(error) {
        return kind;
    }
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

/// What a server names in the text of its refusal and the status hides: a bucket that is not there is no object that is not
/// there, and one that is full is not closed to us.
fn kind_by_code(error: &Foreign) -> Option<ErrorKind> {
    const CODES: [(&str, ErrorKind); 11] = [
        ("NoSuchBucket", ErrorKind::Unavailable),
        ("ContainerNotFound", ErrorKind::Unavailable),
        ("QuotaExceeded", ErrorKind::Quota),
        ("StorageFull", ErrorKind::Quota),
        ("InsufficientStorage", ErrorKind::Quota),
        ("AccessDenied", ErrorKind::Auth),
        ("InvalidAccessKeyId", ErrorKind::Auth),
        ("SignatureDoesNotMatch", ErrorKind::Auth),
        // Until somebody sets the clock, as with keys.
        (SKEWED, ErrorKind::Auth),
        // The region is another: what is asked for again is refused again.
        ("AuthorizationHeaderMalformed", ErrorKind::Config),
        ("redirect without LOCATION", ErrorKind::Config),
    ];
    // A file system names no codes, but files may have any name.
    if io_below(error).is_some() {
        return None;
    }
    let said = said(error);
    let found = CODES.into_iter().find(|(code, _)| said.contains(code));
    found.map(|(_, kind)| kind)
}

fn said(error: &Foreign) -> String {
    causes(error).map(ToString::to_string).collect()
}

/// What lies below an error, from the top to the bottom.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |above| (*above).source())
}

/// `LocalFileSystem` wraps what the system said in its own private errors.
fn io_below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    causes(error).find_map(|error| error.downcast_ref::<io::Error>())
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Quota,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Auth,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(said: &str) -> Foreign {
        Foreign::PermissionDenied {
            path: "part".to_owned(),
            source: said.into(),
        }
    }

    #[test]
    fn what_a_server_names_says_more_than_its_status() {
        let full = refused("403 Forbidden: <Code>QuotaExceeded</Code>");
        assert_eq!(kind(&full), ErrorKind::Quota);
        assert_eq!(kind(&refused("403 Forbidden")), ErrorKind::Auth);
        let gone = Foreign::NotFound {
            path: "part".to_owned(),
            source: "404: <Code>NoSuchBucket</Code>".into(),
        };
        assert_eq!(kind(&gone), ErrorKind::Unavailable);
        let denied = Foreign::Generic {
            store: "S3",
            source: "<Code>AccessDenied</Code>".into(),
        };
        assert_eq!(kind(&denied), ErrorKind::Auth);
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_with_what_to_do() {
        let skewed = Foreign::Generic {
            store: "S3",
            source: "403 Forbidden: <Code>RequestTimeTooSkewed</Code>".into(),
        };
        let error = from_store("create", "part", skewed);
        assert_eq!(*error.kind(), ErrorKind::Auth);
        let told = error.to_string();
        assert!(
            told.contains("RequestTimeTooSkewed") && told.contains("NTP"),
            "{told}"
        );
        let denied = from_store("create", "part", refused("AccessDenied")).to_string();
        assert!(!denied.contains("NTP"), "{denied}");
    }

    #[test]
    fn a_file_may_have_any_name() {
        let source = io::Error::new(io::ErrorKind::NotFound, "QuotaExceeded");
        let gone = Foreign::NotFound {
            path: "QuotaExceeded".to_owned(),
            source: source.into(),
        };
        assert_eq!(kind(&gone), ErrorKind::NotFound);
    }

    #[test]
    fn the_cause_at_the_bottom_is_told() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let below = Error::new(ErrorKind::Unavailable, "connect").source(refused);
        let error = Foreign::Generic {
            store: "S3",
            source: below.into(),
        };
        let told = from_store("read", "part", error).to_string();
        assert!(told.contains("connection refused"), "{told}");
    }
}
