//! The S3 that the tests share.

use std::path::Path;

/// The settings of a store under a prefix of its own, named as `dir`.
pub(crate) fn place(dir: &Path) -> String {
    let endpoint = std::env::var("STANDFAST_S3").unwrap_or_else(|_unset| {
        panic!(
            "STANDFAST_S3 names no S3: run `make test`, or `scripts/s3 DIR` beside this, and set it to what that prints"
        )
    });
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches('.');
    format!("url = \"s3://standfast/tests/{name}\", endpoint = {endpoint:?}")
}
