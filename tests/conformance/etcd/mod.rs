//! The etcd that the tests share, and the cases that need its calls, its watches or its keys in their hand.

mod compaction;
mod copies;
mod gate;
mod late;
mod logs;
mod news;
mod proxy;
#[expect(dead_code, reason = "stories of power cuts need more of it")]
#[path = "../../power_cuts/words.rs"]
mod words;

use std::path::Path;

/// The members' endpoints.
fn endpoints() -> Vec<String> {
    let endpoints = std::env::var("STANDFAST_ETCD").unwrap_or_else(|_unset| {
        panic!(
            "STANDFAST_ETCD names no etcd: run `make test`, or `scripts/etcd DIR` beside this, and set it to what that prints"
        )
    });
    endpoints.split(',').map(str::to_owned).collect()
}

/// The settings of a store under keys of its own, named as `dir`.
pub(crate) fn place(dir: &Path) -> String {
    let endpoints = endpoints();
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    format!("endpoints = {endpoints:?}, key_prefix = \"/tests/{name}\"")
}
