use std::path::Path;

use super::Failure;

/// The directory that something new is made in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Nothing is overwritten.
pub(super) fn refuse_existing(to: &Path) -> Result<(), Failure> {
    match to.symlink_metadata() {
        Ok(_there) => Err(exists(to)),
        Err(_not_there) => Ok(()),
    }
}

pub(super) fn exists(to: &Path) -> Failure {
    format!(
        "{} exists already: nothing is overwritten, so name another, or remove it",
        to.display()
    )
    .into()
}
