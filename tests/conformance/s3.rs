//! The S3 that the tests share.

#[path = "../nodes/s3/shared.rs"]
mod shared;

use std::path::Path;

/// The settings of a store under a prefix of its own, named as `dir`.
pub(crate) fn place(dir: &Path) -> String {
    let endpoint = shared::shared();
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches('.');
    format!("url = \"s3://standfast/tests/{name}\", endpoint = {endpoint:?}")
}
