use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use standfast_metadata::{MetadataClient, Placement, SegmentId};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::lender::{keys, lender, objects, put_all};
use crate::node::standfast;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_mins(1);

/// Puts and removes the same hundred objects again and again; how often it did.
async fn churn(client: MetadataClient, stop: watch::Receiver<bool>) -> u32 {
    let passing = objects(100_000..100_100, 32);
    let keys = keys(&passing);
    let mut rounds = 0;
    while !*stop.borrow() {
        for result in client.put(&passing, &Placement::default()).await.unwrap() {
            result.unwrap();
        }
        for result in client.remove(&keys, true).await.unwrap() {
            result.unwrap();
        }
        rounds += 1;
    }
    rounds
}

async fn ask(cluster: &TestCluster, words: &[&str]) -> Output {
    standfast()
        .args(words)
        .args(["--endpoint", &cluster.endpoints().join(",")])
        .output()
        .await
        .unwrap()
}

async fn list(cluster: &TestCluster, words: &[&str]) -> String {
    let output = ask(cluster, words).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_listed_once_while_others_are_put_and_removed() {
    let cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let stay = objects(0..10_000, 32);
    put_all(&client, &stay).await;
    let (stop, stopped) = watch::channel(false);
    let mut churning = JoinSet::new();
    churning.spawn(churn(client.clone(), stopped));

    let told = list(&cluster, &["object", "list", "-o", "json"]).await;

    stop.send_replace(true);
    assert!(churning.join_next().await.unwrap().unwrap() > 0);
    let mut distinct = BTreeSet::new();
    for line in told.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let key = object["key"].as_str().unwrap().to_owned();
        assert!(distinct.insert(key), "told twice: {line}");
    }
    for key in keys(&stay) {
        let key = std::str::from_utf8(&key).unwrap();
        assert!(distinct.contains(key), "not told: {key}");
    }
    let ten = list(&cluster, &["object", "list", "--limit", "10"]).await;
    assert_eq!(ten.lines().count(), 11, "a head and ten rows: {ten}");

    let segments = list(&cluster, &["segment", "list", "-o", "json"]).await;
    let segments: Value = serde_json::from_str(&segments).unwrap();
    let used = segments[0]["used"].as_u64().unwrap();
    let bytes: u64 = stay.iter().map(|object| object.size).sum();
    assert!(used >= bytes, "{segments:#} of at least {bytes}");
    assert_eq!(segments[0]["status"], "mounted");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_match_a_regex_are_listed_and_one_that_explodes_is_refused_with_its_reason() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..3000, 32)).await;
    let told = list(
        &cluster,
        &["object", "list", "--regex", "77$", "-o", "json"],
    )
    .await;
    let mut told: Vec<_> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|object| object["key"].as_str().unwrap().to_owned())
        .collect();
    told.sort_unstable();
    let wanted: Vec<_> = (77..3000)
        .step_by(100)
        .map(|n| format!("{n:0>32}"))
        .collect();
    assert_eq!(told, wanted);
    let few = [
        "object", "list", "--prefix", "0", "--regex", "7", "--limit", "5",
    ];
    assert_eq!(list(&cluster, &few).await.lines().count(), 6);

    let explodes = "(a{1000}){1000}";
    let refused = ask(&cluster, &["object", "list", "--regex", explodes]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains(explodes) && told.contains("size limit"),
        "{told}"
    );
    assert!(refused.stdout.is_empty(), "not even the header");
}

fn in_segment(told: &str) -> BTreeSet<(String, u64)> {
    let object = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&object["tenant"], &object["status"]),
            (&"default".into(), &"complete".into())
        );
        let key = object["key"].as_str().unwrap().to_owned();
        (key, object["address"].as_u64().unwrap())
    };
    told.lines().map(object).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_objects_of_a_segment_are_listed_where_they_are_read_whoever_leads() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let mut second = client.list_segments().await.unwrap()[0].info.clone();
    (second.id, second.name) = (SegmentId::random(), "second".to_owned());
    client.mount_segment(&second).await.unwrap().unwrap();
    let stored = objects(0..2500, 32);
    let keys = keys(&stored);
    put_all(&client, &stored).await;
    let mut wanted = [BTreeSet::new(), BTreeSet::new()];
    for (key, found) in keys.iter().zip(client.get_replicas(&keys).await.unwrap()) {
        let placed = found.unwrap().unwrap();
        let at = &placed.replicas[0];
        let key = String::from_utf8(key.to_vec()).unwrap();
        wanted[usize::from(at.segment.name == "second")].insert((key, at.address));
    }
    for listed in &wanted {
        assert!(listed.len() > 1000, "more than a page: {}", listed.len());
    }

    let id = second.id.to_string();
    for segments in [["lent", "second"], ["lent", &id]] {
        for (segment, wanted) in segments.iter().zip(&wanted) {
            let told = list(&cluster, &["segment", "objects", segment, "-o", "json"]).await;
            assert_eq!(told.lines().count(), wanted.len(), "each once");
            assert_eq!(in_segment(&told), *wanted);
        }
        let leader = cluster.leader().await;
        cluster.node(&leader).kill().await;
        cluster.node(&leader).start();
    }
    let few = list(&cluster, &["segment", "objects", "lent", "--limit", "10"]).await;
    assert_eq!(few.lines().count(), 11, "a head and ten rows: {few}");

    client.unmount_segment(second.id).await.unwrap().unwrap();
    let gone = ask(&cluster, &["segment", "objects", "second"]).await;
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    let told = String::from_utf8(gone.stderr).unwrap();
    assert!(told.contains("`second` is mounted"), "{told}");
}
