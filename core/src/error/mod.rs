//! One error for the whole workspace. Its kind says what to do next.

mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

pub use kind::ErrorKind;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in which backend, during what, and what to do next.
///
/// `Display` prints one line: the operation, the context from the outermost to the innermost, then the
/// sources.
#[expect(clippy::error_impl_error, reason = "the one error of the workspace")]
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    backend: Option<Cow<'static, str>>,
    operation: Cow<'static, str>,
    context: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A new error of `kind`, met during `operation` ("append", "open writer", ..).
    pub fn new(kind: ErrorKind, operation: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            backend: None,
            operation: operation.into(),
            context: Vec::new(),
            source: None,
        }))
    }

    /// Names the backend it happened in.
    #[must_use]
    pub fn backend(mut self, backend: impl Into<Cow<'static, str>>) -> Self {
        self.0.backend = Some(backend.into());
        self
    }

    /// Adds a sentence about the values at hand, the limit they broke, and the way out.
    #[must_use]
    pub fn context(mut self, text: impl Into<String>) -> Self {
        self.0.context.push(text.into());
        self
    }

    /// Keeps the error it came from.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error under another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// What to do next.
    pub const fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether the same call may simply be made again after a pause.
    pub const fn retry(&self) -> bool {
        self.0.kind.retry()
    }

    /// What was being done.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// The same error once more, for several waiters; the source becomes text.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind.clone(),
            backend: self.0.backend.clone(),
            operation: self.0.operation.clone(),
            context: self.0.context.clone(),
            source: self
                .0
                .source
                .as_ref()
                .map(|source| source.to_string().into()),
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.kind)?;
        if let Some(backend) = &self.0.backend {
            write!(f, " in {backend}")?;
        }
        write!(f, " during {}", self.0.operation)?;
        for context in self.0.context.iter().rev() {
            write!(f, ": {context}")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Position;

    #[test]
    fn an_error_is_one_line_with_backend_operation_context_and_source() {
        let error = Error::new(ErrorKind::Quota, "append")
            .backend("file")
            .context("segment 12 is full")
            .source(std::io::Error::other("disk full"));
        assert_eq!(
            error.to_string(),
            "out of space in file during append: segment 12 is full: disk full"
        );
    }

    #[test]
    fn only_passing_troubles_may_simply_be_tried_again() {
        assert!(ErrorKind::Unavailable.retry());
        assert!(ErrorKind::Busy.retry());
        assert!(!ErrorKind::Fenced.retry());
        assert!(!ErrorKind::Indeterminate.retry());
        assert!(
            !ErrorKind::Trimmed {
                floor: Position::default().seq
            }
            .retry()
        );
    }
}
