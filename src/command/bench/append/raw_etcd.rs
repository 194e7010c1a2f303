//! The raw loop of an etcd: the yardstick of `append --backend etcd`.

use std::path::Path;
use std::time::Duration;

use etcd_client::{Client, Compare, CompareOp, DeleteOptions, Txn, TxnOp};
use tokio::time::Instant;

use crate::command::Failure;
use crate::command::bench::backend::root;

/// As long as the head of a log.
const HEAD: usize = 50;

/// Sends the transaction of an append with `bytes` under ascending keys, one after the other, for `span`: three conditions
/// and two puts. Transactions a second.
pub(super) async fn fenced(
    endpoints: &[String],
    dir: &Path,
    bytes: &[u8],
    span: Duration,
) -> Result<f64, Failure> {
    let root = root(&dir.join("raw"));
    let mut client = Client::connect(endpoints, None).await?;
    let (fence, head) = (format!("{root}/oplog/fence"), format!("{root}/oplog-head"));
    client.put(fence.as_str(), [1; 160], None).await?;
    let mut last = head_of(0);
    client.put(head.as_str(), last, None).await?;
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < span {
        let key = format!("{root}/oplog/{done:020}");
        let next = head_of(done + 1);
        let append = Txn::new()
            .when([
                Compare::value(fence.as_str(), CompareOp::Equal, [1; 160]),
                Compare::value(head.as_str(), CompareOp::Equal, last),
                Compare::create_revision(key.as_str(), CompareOp::Equal, 0),
            ])
            .and_then([
                TxnOp::put(key.as_str(), bytes, None),
                TxnOp::put(head.as_str(), next, None),
            ]);
        if !client.txn(append).await?.succeeded() {
            return Err("somebody else writes there".into());
        }
        last = next;
        done += 1;
    }
    let rate = f64::from(done) / begun.elapsed().as_secs_f64();
    let all = DeleteOptions::new().with_prefix();
    client.delete(root, Some(all)).await?;
    Ok(rate)
}

fn head_of(number: u32) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    for (to, from) in head.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    head
}
