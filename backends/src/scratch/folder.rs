//! Scratch places that are folders.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use standfast_core::{Error, ErrorKind, Result};
#[cfg(any(feature = "file", feature = "rocksdb"))]
use standfast_core::{OpenContext, Scratch};

use super::{is_word, no_scratch, word};

/// The folder of a scratch place, as text for a table: in `dir`, or in the nearest folder above it that is there, so that
/// nothing but this folder is made and removed.
///
/// # Errors
/// `AlreadyExists` when something is in it; `Config` when its path is not UTF-8; `Unavailable` when it cannot be looked at.
pub(crate) fn folder(dir: &Path, name: &str) -> Result<String> {
    let there = dir.ancestors().find(|path| path.is_dir()).unwrap_or(dir);
    // What is configured tells several stores apart that have no folder yet.
    let missing = dir
        .strip_prefix(there)
        .unwrap_or_else(|_same| Path::new(""));
    let mut folder = OsString::from(word(name));
    for part in missing {
        folder.push("-");
        folder.push(part);
    }
    let folder = there.join(folder);
    check_unused(&folder)?;
    let path = folder.into_os_string().into_string();
    path.map_err(|path| {
        let told = format!("{} is not UTF-8: name a folder that is", path.display());
        Error::new(ErrorKind::Config, "make scratch place").context(told)
    })
}

/// Whoever removes a scratch place removes all that is in it: it begins empty, whatever is kept there and by whom.
fn check_unused(folder: &Path) -> Result<()> {
    let first = std::fs::read_dir(folder).and_then(|mut entries| entries.next().transpose());
    let (kind, told) = match first {
        Ok(None) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(Some(_)) => (ErrorKind::AlreadyExists, "is in use".to_owned()),
        Err(error) => (ErrorKind::Unavailable, format!("cannot be read ({error})")),
    };
    Err(
        Error::new(kind, "make scratch place").context(format!(
            "{} {told}: take another name for the scratch places; or remove it when nobody uses it and nothing in it is \
             wanted",
            folder.display()
        )),
    )
}

/// The same table, but for a scratch folder inside `dir`.
///
/// # Errors
/// As [`folder`].
#[cfg(any(feature = "file", feature = "rocksdb"))]
pub(crate) fn inside(
    dir: &Path,
    table: &toml::Table,
    context: &OpenContext,
    name: &str,
) -> Result<Scratch> {
    let place = folder(&context.resolve(dir), name)?;
    let mut table = table.clone();
    table.insert("dir".into(), place.into());
    Ok(Scratch {
        table,
        context: super::context(context),
    })
}

/// Removes the folder of a scratch place.
///
/// # Errors
/// As [`Factory::remove_scratch`](standfast_core::Factory::remove_scratch).
pub(crate) fn remove_folder(dir: &Path) -> Result<()> {
    let named = dir.file_name().and_then(OsStr::to_str).is_some_and(is_word);
    if !named {
        return Err(no_scratch(&dir.display().to_string()));
    }
    match std::fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => {
            let kind = match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    ErrorKind::Auth
                }
                _ => ErrorKind::Unavailable,
            };
            let stays = format!("{} stays: remove it", dir.display());
            Err(Error::new(kind, "remove scratch place")
                .context(stays)
                .source(source))
        }
    }
}
