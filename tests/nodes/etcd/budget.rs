//! A log in etcd that has reached its own budget.

use std::fs;
use std::time::Duration;

use rand::RngExt;
use rand::distr::Alphanumeric;
use standfast_metadata::{MetadataClient, Placement, PutObject};

use super::{Members, other};
use crate::bad_input::{MemoryDisk, edit};
use crate::lender::{all_exist, client, lender, put_all};
use crate::metric::{metric, until};
use crate::support::{TestCluster, in_sync};

const LIMIT: f64 = 8_388_608.0;

/// Two nodes with a small budget, and a bucket on a disk that is full.
async fn limited(members: &Members) -> (TestCluster, MemoryDisk) {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let disk = MemoryDisk::mount_of("96m", &cluster.dir.path().join("bucket"));
    cluster.turn_to_etcd(&members.settings(), "2s");
    for node in &cluster.nodes {
        edit(node, "[election]", "max_bytes = \"8MiB\"\n[election]");
    }
    cluster.launch().await;
    fs::write(disk.path().join("ballast"), vec![1; 97 << 20]).unwrap_err();
    (cluster, disk)
}

/// Objects whose keys nothing makes shorter.
fn some() -> Vec<PutObject> {
    let key = || rand::rng().sample_iter(Alphanumeric).take(3000);
    let object = || PutObject {
        key: key().collect(),
        size: 64,
        checksum: None,
    };
    std::iter::repeat_with(object).take(50).collect()
}

/// Puts until it is refused, and says so.
async fn fill(client: &MetadataClient) -> (Vec<PutObject>, String) {
    let mut acknowledged = Vec::new();
    loop {
        let these = some();
        match client.put(&these, &Placement::default()).await {
            Ok(results) => assert!(results.iter().all(Result::is_ok), "{results:?}"),
            Err(refused) => return (acknowledged, refused.to_string()),
        }
        acknowledged.extend(these);
        assert!(acknowledged.len() < 8000, "24 MB were put into 8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h25_a_log_in_etcd_at_its_budget_is_read_only_across_a_takeover_until_it_was_trimmed() {
    let members = Members::start();
    let (mut cluster, disk) = limited(&members).await;
    let hasty = lender(&cluster, Duration::from_secs(3)).await;
    let patient = client(&cluster, Duration::from_mins(1)).await;
    let (acknowledged, told) = fill(&hasty).await;
    for part in [
        "read-only until there is room for the log",
        "max_bytes = \"8MiB\"",
        "raise max_bytes",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }

    let leader = cluster.leader().await;
    until(cluster.node(&leader), "standfast_oplog_bytes", |bytes| {
        bytes >= LIMIT
    })
    .await;
    cluster.node(&leader).kill().await;
    let successor = cluster.node(other(&leader));
    until(successor, "standfast_read_only", |value| value > 0.0).await;
    all_exist(&patient, &acknowledged).await;
    let refused = hasty
        .put(&some(), &Placement::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("raise max_bytes"), "{refused}");

    // It ends by itself, and does so again when the limit is reached again.
    fs::remove_file(disk.path().join("ballast")).unwrap();
    cluster.node(&leader).start();
    let mut more = Vec::new();
    for _ in 0..60 {
        let these = some();
        put_all(&patient, &these).await;
        more.extend(these);
    }
    let floor = |floor| floor > 1.0;
    let leader = cluster.leader().await;
    until(cluster.node(&leader), "standfast_oplog_floor_seq", floor).await;
    let bytes = metric(cluster.node(&leader), "standfast_oplog_bytes").await;
    assert!(bytes.unwrap() < LIMIT * 1.5, "{bytes:?}");
    cluster
        .until("both in sync", |status| in_sync(status) == 2)
        .await;
    for some in [acknowledged, more].concat().chunks(500) {
        all_exist(&patient, some).await;
    }
    cluster.verify_log().await;
}
