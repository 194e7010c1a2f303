//! What a node and its clients hear who were given something wrong: an error that names the thing, the value and the
//! way out, and nothing that was acknowledged is lost.

mod full_bucket;
mod full_bucket_start;
mod full_disk;
mod log_limit;
mod memory_disk;
mod requests;
mod snapshots;
mod start;
mod storage;

use std::time::Duration;

pub(crate) use memory_disk::MemoryDisk;

use crate::lender::{all_exist, client, keys, lender, objects, put_all};
use crate::node::TestNode;

/// Starts a node that must refuse: exit code 1, and what it said.
pub(crate) async fn refusal(node: &TestNode) -> String {
    let serve = node.command(&["serve"]);
    let output = tokio::time::timeout(Duration::from_secs(20), serve).await;
    let output = output.expect("it refuses, and does not serve");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    told
}

/// Replaces `from` in the node's configuration.
pub(crate) fn edit(node: &TestNode, from: &str, to: &str) {
    let text = std::fs::read_to_string(&node.config).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(&node.config, text.replace(from, to)).unwrap();
}
