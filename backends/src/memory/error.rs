//! Errors of this backend.

use std::borrow::Cow;

use standfast_core::{Error, ErrorKind};

pub(super) const NAME: &str = "memory";

pub(super) fn error(kind: ErrorKind, operation: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, operation).backend(NAME)
}

/// What a store without a fingerprint answers.
pub(super) fn not_initialised(operation: &'static str) -> Error {
    error(ErrorKind::NotFound, operation)
        .context("the store belongs to no cluster yet: run `standfast cluster init`")
}
