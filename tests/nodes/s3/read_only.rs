use std::time::Duration;

use super::proxy::{Fault, Proxy, Script, WELL};
use super::{settings, shared};
use crate::http;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::support::TestCluster;

const READ_ONLY: Script = Script {
    words: &[],
    fault: Fault::WritesRefused("403 Forbidden", "AccessDenied"),
    times: usize::MAX,
};

/// A policy that somebody has changed: what is there can be read, and nothing written.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_may_only_be_read_costs_no_write_and_is_told_and_what_it_holds_recovers() {
    let proxy = Proxy::start(&shared(), WELL).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..500, 32);
    put_all(&client, &puts[..300]).await;
    let create = ["snapshot", "create"];
    let made = cluster.nodes[0].command(&create).await;
    assert!(made.status.success(), "{made:?}");

    proxy.turn(READ_ONLY);
    put_all(&client, &puts[300..]).await;
    let refused = cluster.nodes[0].command(&create).await;
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && told.contains("AccessDenied"),
        "{told}"
    );
    let (_, metrics) = http::get(&cluster.nodes[0].http, "/metrics").await;
    let failed = "standfast_snapshot_failures_total";
    let failed = http::value(&metrics, failed, &["kind=\"auth\""]);
    assert!(failed > Some(0.0), "{metrics}");
    // With keys that may only read, as somebody has who looks after backups.
    for words in [&["drill"][..], &["recover", "--plan"]] {
        let done = cluster.nodes[0].command(words).await;
        assert!(done.status.success(), "{words:?}: {done:?}");
    }
    cluster.nodes[0].kill().await;
    cluster.nodes[0].start();
    let mut refused = cluster.nodes[0].child.take().unwrap();
    let refused = tokio::time::timeout(Duration::from_mins(1), refused.wait()).await;
    assert!(!refused.expect("it ends").unwrap().success());
    assert!(cluster.nodes[0].log_text().contains("AccessDenied"));

    proxy.turn(WELL);
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let made = cluster.nodes[0].command(&create).await;
    assert!(made.status.success(), "{made:?}");
}
