//! Scratch places: how they are named, and those that are folders.

#[cfg(any(feature = "file", feature = "bucket", feature = "rocksdb"))]
mod folder;
#[cfg(test)]
#[cfg(all(feature = "file", feature = "bucket"))]
mod tests;

use standfast_core::{Error, ErrorKind, OpenContext};

#[cfg(feature = "bucket")]
pub(crate) use folder::folder;
#[cfg(any(feature = "file", feature = "rocksdb"))]
pub(crate) use folder::inside;
#[cfg(any(feature = "file", feature = "bucket", feature = "rocksdb"))]
pub(crate) use folder::remove_folder;

/// What the name of a scratch place begins with.
const PREFIX: &str = "scratch-";

/// The word that scratch place `name` has in paths and keys.
pub(crate) fn word(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Whether a word is one that [`word`] gave.
pub(crate) fn is_word(word: &str) -> bool {
    word.len() > PREFIX.len() && word.starts_with(PREFIX)
}

/// A context in which what is missing is made.
pub(crate) fn context(context: &OpenContext) -> OpenContext {
    OpenContext {
        make: true,
        ..context.clone()
    }
}

/// The refusal of what is no scratch place.
pub(crate) fn no_scratch(what: &str) -> Error {
    Error::new(ErrorKind::Config, "remove scratch place")
        .context(format!("`{what}` is no scratch place: nothing was removed"))
}
