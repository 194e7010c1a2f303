use std::time::Duration;

use serde_json::Value;

use super::proxy::{Fault, Proxy, Script};
use super::{settings, shared};
use crate::lender::{lender, objects, put_all};
use crate::support::TestCluster;

const ENTRY: &[&str] = &["PUT ", "/catalog/"];
const PART: &[&str] = &["PUT ", "/parts/"];

/// A snapshot is made, listed once and whole, whatever the store says of one request.
async fn is_made(script: Script) {
    let proxy = Proxy::start(&shared(), script).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    put_all(&client, &objects(0..2000, 32)).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    assert_eq!(proxy.left(), 0, "the fault was never met");
    let verified = cluster.nodes[0]
        .command(&["snapshot", "verify", "--deep"])
        .await;
    assert!(verified.status.success(), "{verified:?}");
    let listed = cluster.nodes[0]
        .command(&["snapshot", "list", "-o", "json"])
        .await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let ids = listed.to_string().matches("\"verified\"").count();
    assert_eq!(ids, 1, "{listed:#}");
}

/// Once of an entry of the catalog, and once of a part.
async fn is_made_though(fault: Fault) {
    for words in [ENTRY, PART] {
        is_made(Script {
            words,
            fault,
            times: 1,
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h04_what_the_store_says_that_it_did_not_do_was_done() {
    is_made_though(Fault::FailsAfter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h04_what_meets_its_own_first_try_was_done() {
    is_made_though(Fault::SaysNotAbsent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h04_what_was_in_conflict_with_nobody_is_sent_again() {
    is_made_though(Fault::Conflicts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_in_the_middle_is_sent_again() {
    is_made_though(Fault::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_has_too_much_to_do_is_asked_again_later() {
    is_made(Script {
        words: PART,
        fault: Fault::SlowsDown,
        times: 3,
    })
    .await;
}
