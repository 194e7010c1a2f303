use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use serde_json::Value;
use standfast_core::{Manifest, PartRef};
use standfast_metadata::{MetadataClient, PutObject};

use super::by_hand::ByHand;
use super::{settings, shared};
use crate::bad_input::edit;
use crate::http;
use crate::lender::{all_exist, keys, lender, objects, put_all};
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_secs(30);

/// A node, down, and its snapshots at the gateway.
struct Story {
    cluster: TestCluster,
    client: MetadataClient,
    puts: Vec<PutObject>,
    bucket: ByHand,
    /// Ids of the snapshots that are listed, the oldest first.
    listed: Vec<String>,
    floor: u64,
}

impl Story {
    /// Snapshots that share nothing, and more in the log behind the newest.
    async fn begin(segment_size: &str) -> Self {
        let mut cluster = TestCluster::prepare(&["a"], "1h");
        let settings = settings(&shared());
        cluster.turn_to_bucket(&settings);
        edit(&cluster.nodes[0], "4MiB", segment_size);
        cluster.launch().await;
        let client = lender(&cluster, PATIENCE).await;
        let puts = objects(0..8500, 32);
        // So many each time that every snapshot is a base.
        for end in [2000, 4000, 8000] {
            put_all(&client, &puts[end / 2..end]).await;
            let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
            assert!(made.status.success(), "{made:?}");
        }
        cluster
            .until("the newest to be verified", |status| {
                let node = &status.nodes[0];
                node.verified_seq == node.snapshot_seq
            })
            .await;
        put_all(&client, &puts[8000..]).await;
        let mut story = Self {
            bucket: ByHand::at(&shared(), &settings),
            cluster,
            client,
            puts: puts[1000..].to_vec(),
            listed: Vec::new(),
            floor: 0,
        };
        let (_, listed) = story.asked(&["snapshot", "list"]).await;
        let listed = listed["snapshots"].as_array().unwrap();
        let id = |snapshot: &Value| snapshot["id"].as_str().unwrap().to_owned();
        story.listed = listed.iter().map(id).collect();
        assert_eq!(story.listed.len(), 3, "{listed:?}");
        story.cluster.nodes[0].kill().await;
        story.floor = story.asked(&["oplog", "inspect"]).await.1["floor"]
            .as_u64()
            .unwrap();
        story
    }

    async fn asked(&self, words: &[&str]) -> (bool, Value) {
        let words = [words, &["-o", "json"]].concat();
        let output = self.cluster.nodes[0].command(&words).await;
        let told = serde_json::from_slice(&output.stdout);
        let told = told.unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"));
        (output.status.success(), told)
    }

    /// The parts of a snapshot, and what is in them.
    async fn parts(&self, id: &str) -> Vec<(Path, Bytes)> {
        let manifest = self.bucket.path(&format!("manifests/{id}.json"));
        let manifest: Manifest =
            serde_json::from_slice(&self.bucket.read(&manifest).await).unwrap();
        let mut parts = Vec::new();
        for PartRef { upload, blake3, .. } in manifest.parts {
            let name = self.bucket.path(&format!("parts/{upload}/{blake3}.zst"));
            let bytes = self.bucket.read(&name).await;
            parts.push((name, bytes));
        }
        assert!(!parts.is_empty());
        parts
    }

    async fn write(&self, parts: &[(Path, Bytes)]) {
        for (name, bytes) in parts {
            self.bucket.write(name, bytes.clone()).await;
        }
    }

    /// Every snapshot with a byte flipped in each of its parts.
    async fn corrupt_all(&self) {
        for id in &self.listed {
            self.write(&flipped(&self.parts(id).await)).await;
        }
    }

    /// The machine is another one, which has the configuration. What it has said before is of no account.
    fn start_with_nothing(&mut self) {
        let node = &mut self.cluster.nodes[0];
        std::fs::remove_dir_all(&node.data_dir).unwrap();
        std::fs::remove_file(&node.log).unwrap();
        node.start();
    }

    /// The newest is broken, which is told wherever one looks, with the name of the object; the one before and the log do.
    async fn does_without_the_newest(&mut self, broken: &Path, why: &str) {
        let [.., before, newest] = &self.listed[..] else {
            panic!("{:?}", self.listed);
        };
        let (before, newest) = (before.clone(), newest.clone());
        let names_it = |told: &str| {
            let part = broken.filename().unwrap();
            assert!(
                told.contains(part) && told.contains(why) && told.contains(&newest),
                "{part}, {why}: {told}"
            );
        };
        let (ok, drilled) = self.asked(&["drill"]).await;
        assert!(!ok && drilled["snapshot"] == *before, "{drilled:#}");
        names_it(drilled["problems"][0].as_str().unwrap());

        self.start_with_nothing();
        all_exist(&self.client, &self.puts).await;
        let node = &self.cluster.nodes[0];
        let log = node.log_text();
        let restored = format!("restored snapshot={before}");
        assert!(log.contains(&restored), "{restored}: {log}");
        let warned = log
            .lines()
            .find(|line| line.contains("trying an older one"));
        names_it(warned.unwrap());
        let (_, metrics) = http::get(&node.http, "/metrics").await;
        let failed = "standfast_snapshot_failures_total";
        let failed = http::value(&metrics, failed, &["what=\"restore\"", "kind=\"corrupt\""]);
        assert!(failed >= Some(1.0), "{metrics}");
        let (ok, verified) = self.asked(&["snapshot", "verify"]).await;
        assert!(!ok, "{verified:#}");
        for one in verified.as_array().unwrap() {
            assert_eq!(one["ok"], one["id"] != *newest, "{verified:#}");
            if one["id"] == *newest {
                names_it(one["problem"].as_str().unwrap());
            }
        }
        self.cluster.nodes[0].kill().await;
    }
}

fn flipped(parts: &[(Path, Bytes)]) -> Vec<(Path, Bytes)> {
    let flip = |(name, bytes): &(Path, Bytes)| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        (name.clone(), bytes.into())
    };
    parts.iter().map(flip).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_nothing_does_without_the_newest_snapshot_and_with_none_it_refuses() {
    let mut story = Story::begin("64KiB").await;
    assert!(story.floor > 1, "trimmed behind the snapshot before");
    let newest = story.parts(&story.listed[2]).await;
    story.bucket.delete(&newest[0].0).await;
    story
        .does_without_the_newest(&newest[0].0, "it is missing")
        .await;
    story.write(&newest).await;
    let damaged = flipped(&newest[..1]);
    story.write(&damaged).await;
    story
        .does_without_the_newest(&newest[0].0, "its CRC-32C is")
        .await;
    story.write(&newest).await;

    let mut whole = Vec::new();
    for id in &story.listed {
        whole.append(&mut story.parts(id).await);
    }
    story.corrupt_all().await;
    let drilled = story.cluster.nodes[0].command(&["drill"]).await;
    assert_eq!(drilled.status.code(), Some(1), "{drilled:?}");
    story.start_with_nothing();
    let stands_still = story
        .cluster
        .until("it to stand still", |status| {
            status.nodes.iter().any(|node| node.failure.is_some())
        })
        .await;
    assert_eq!(stands_still.leader, None);
    let failure = stands_still.nodes[0].failure.clone().unwrap();
    let gone = format!("entries 1 to {} are no longer in the log", story.floor - 1);
    for told in [failure, String::from_utf8(drilled.stderr).unwrap()] {
        for said in story.listed.iter().chain([&gone]) {
            assert!(told.contains(said), "{said}: {told}");
        }
        assert!(told.contains("put back the damaged objects"), "{told}");
        assert!(told.contains("snapshot import"), "{told}");
    }
    let node = &story.cluster.nodes[0];
    assert_ne!(http::get(&node.http, "/health/ready").await.0, 200);
    let asked = keys(&story.puts[..1]);
    let asking = story.client.exists(&asked);
    let answered = tokio::time::timeout(Duration::from_secs(2), asking).await;
    let served = answered.is_ok_and(|found| found.is_ok_and(|found| found[0].is_ok()));
    assert!(!served, "from nothing, or from what is older");
    story.cluster.nodes[0].kill().await;

    story.write(&whole).await;
    story.start_with_nothing();
    all_exist(&story.client, &story.puts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_nothing_replays_a_complete_log_when_no_snapshot_is_whole() {
    let mut story = Story::begin("4MiB").await;
    assert_eq!(story.floor, 1);
    story.corrupt_all().await;
    story.start_with_nothing();
    all_exist(&story.client, &story.puts).await;
    let log = story.cluster.nodes[0].log_text();
    assert!(log.contains("replaying the complete log"), "{log}");
    assert!(!log.contains("restored snapshot="), "{log}");
    for id in &story.listed {
        assert!(log.contains(id), "{id}: {log}");
    }
    let (ok, drilled) = story.asked(&["drill"]).await;
    assert!(!ok && drilled["snapshot"].is_null(), "{drilled:#}");
}
