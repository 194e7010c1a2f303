use std::time::Duration;

use serde_json::Value;
use standfast_metadata::MetadataClient;

use super::by_hand::ByHand;
use super::{settings, shared};
use crate::bad_input::{edit, refusal};
use crate::lender::{all_exist, lender, objects, put_all};
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_secs(30);

fn prepared(settings: &str) -> TestCluster {
    let cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(settings);
    cluster
}

/// A node that leads, with so many objects and two snapshots of them, and whose memory they lie in.
async fn with_snapshots(settings: &str, count: usize) -> (TestCluster, MetadataClient) {
    let mut cluster = prepared(settings);
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    for part in objects(0..count, 32).chunks(count / 2) {
        put_all(&client, part).await;
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
    }
    (cluster, client)
}

async fn asked(cluster: &TestCluster, words: &[&str]) -> Value {
    let words = [words, &["-o", "json"]].concat();
    let output = cluster.nodes[0].command(&words).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fingerprint(cluster: &TestCluster) -> String {
    let record = std::fs::read(cluster.dir.path().join("log/cluster")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    record["fingerprint"].as_str().unwrap().to_owned()
}

/// Why the node serves nothing.
async fn stands_still(cluster: &TestCluster) -> String {
    let status = cluster
        .until("it to stand still", |status| {
            status.nodes.iter().any(|node| node.failure.is_some())
        })
        .await;
    assert_eq!(status.leader, None);
    status.nodes[0].failure.clone().unwrap()
}

/// Two clusters of one name: a url was copied.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_another_cluster_is_refused_by_init_and_by_serve_and_both_are_named() {
    let [ours, theirs] = [settings(&shared()), settings(&shared())];
    let (mut owner, client) = with_snapshots(&theirs, 100).await;
    let stranger = prepared(&ours);
    stranger.initialise().await;
    edit(&stranger.nodes[0], &ours, &theirs);
    let init = stranger.nodes[0].command(&["cluster", "init"]).await;
    assert_eq!(init.status.code(), Some(1), "{init:?}");
    for told in [
        String::from_utf8(init.stderr).unwrap(),
        refusal(&stranger.nodes[0]).await,
    ] {
        for said in [
            &fingerprint(&stranger),
            &fingerprint(&owner),
            "[snapshots]",
            "point one of them elsewhere",
        ] {
            assert!(told.contains(said), "{said}: {told}");
        }
    }

    // One that has nothing of its own yet is taken for that cluster without its log: no node of it serves.
    let mut fresh = prepared(&theirs);
    fresh.initialise().await;
    assert_eq!(fingerprint(&fresh), fingerprint(&owner));
    fresh.nodes[0].start();
    let told = stands_still(&fresh).await;
    assert!(told.contains("the log went backwards"), "{told}");

    owner.nodes[0].kill().await;
    std::fs::remove_dir_all(&owner.nodes[0].data_dir).unwrap();
    owner.nodes[0].start();
    all_exist(&client, &objects(0..100, 32)).await;
}

/// Somebody has copied too much from one place to the other.
#[tokio::test(flavor = "multi_thread")]
async fn documents_of_another_cluster_that_were_copied_among_ours_are_never_restored() {
    let [ours, theirs] = [settings(&shared()), settings(&shared())];
    let (mut cluster, client) = with_snapshots(&ours, 200).await;
    // Later than anything of ours.
    let (other, _) = with_snapshots(&theirs, 4000).await;
    let [bucket, others] = [&ours, &theirs].map(|settings| ByHand::at(&shared(), settings));
    for folder in ["parts", "manifests", "attestations"] {
        others.copy(folder, &bucket).await;
    }
    cluster.until_log("a", "proposal passed over").await;
    let later = objects(200..300, 32);
    put_all(&client, &later).await;
    asked(&cluster, &["snapshot", "create"]).await;
    let listed = asked(&cluster, &["snapshot", "list"]).await;
    let foreign = asked(&other, &["snapshot", "list"]).await;
    let ids = |listed: &Value| -> Vec<String> {
        let snapshots = listed["snapshots"].as_array().unwrap().iter();
        let id = |snapshot: &Value| snapshot["id"].as_str().unwrap().to_owned();
        snapshots.map(id).collect()
    };
    assert_eq!(ids(&listed).len(), 3, "{listed:#}");
    let passed_over = cluster.nodes[0].log_text();
    for id in ids(&foreign) {
        assert!(!listed.to_string().contains(&id), "{id} in {listed:#}");
        assert!(passed_over.contains(&id), "{id}: {passed_over}");
    }
    assert!(
        passed_over.contains(&fingerprint(&other)),
        "whose it is: {passed_over}"
    );
    let drilled = asked(&cluster, &["drill"]).await;
    assert_eq!(drilled["snapshot"], *ids(&listed)[2], "{drilled:#}");

    // Their newest entry as the next of our catalog.
    cluster.nodes[0].kill().await;
    let own = bucket.names("catalog").await;
    let next = format!("catalog/{:020}.json", own.len() + 1);
    let entry = others.names("catalog").await.pop().unwrap();
    let place = bucket.path(&next);
    bucket.write(&place, others.read(&entry).await).await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    let drilled = cluster.nodes[0].command(&["drill"]).await;
    assert_eq!(drilled.status.code(), Some(1), "{drilled:?}");
    for told in [
        stands_still(&cluster).await,
        String::from_utf8(drilled.stderr).unwrap(),
    ] {
        for said in [&fingerprint(&cluster), &fingerprint(&other), &next] {
            assert!(told.contains(said), "{said}: {told}");
        }
    }
    bucket.delete(&place).await;
    cluster.nodes[0].kill().await;
    cluster.nodes[0].start();
    all_exist(&client, &objects(0..300, 32)).await;
    let log = cluster.nodes[0].log_text();
    let restored = format!("restored snapshot={}", ids(&listed)[2]);
    assert!(log.contains(&restored), "{restored}: {log}");
}
