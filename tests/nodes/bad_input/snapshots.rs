//! What is wrong with the bucket when a node starts: it serves from what is left, or from nothing at all, and says which.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::edit;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::support::TestCluster;
use crate::trimmed::{inspect, trimmed};

/// Something that is done to the bucket of a cluster, and what the node says of it.
struct Harm {
    what: &'static str,
    does: fn(&Path),
    said: &'static str,
}

const HARMS: [Harm; 9] = [
    Harm {
        what: "every part altered",
        does: |bucket| each(&files(&bucket.join("parts")), |bytes| bytes[20] ^= 1),
        said: "its CRC-32C is",
    },
    Harm {
        what: "every part cut short",
        does: |bucket| each(&files(&bucket.join("parts")), |bytes| bytes.truncate(21)),
        said: "it has 21 bytes",
    },
    Harm {
        what: "every part gone",
        does: |bucket| remove(&files(&bucket.join("parts"))),
        said: "it is missing",
    },
    Harm {
        what: "every part one of another cluster",
        does: |bucket| {
            let others = files(&others(bucket).join("parts"));
            let other = fs::read(&others[0]).unwrap();
            each(&files(&bucket.join("parts")), |bytes| {
                bytes.clone_from(&other);
            });
        },
        said: "/parts/",
    },
    Harm {
        what: "every part one of another cluster, and so said by the manifest",
        does: |bucket| {
            let theirs = files(&others(bucket).join("manifests"));
            let parts = document(&theirs[0])["parts"].take();
            for part in files(&others(bucket).join("parts")) {
                let ours = bucket.join(part.strip_prefix(others(bucket)).unwrap());
                fs::create_dir_all(ours.parent().unwrap()).unwrap();
                fs::copy(part, ours).unwrap();
            }
            for path in files(&bucket.join("manifests")) {
                let mut manifest = document(&path);
                manifest["parts"] = parts.clone();
                fs::write(path, manifest.to_string()).unwrap();
            }
        },
        said: "restores to digest",
    },
    Harm {
        what: "every manifest of another cluster",
        does: |bucket| {
            let own = own_fingerprint(bucket);
            let other = own.chars().rev().collect::<String>();
            replace(&files(&bucket.join("manifests")), &own, &other);
        },
        said: "is of cluster",
    },
    Harm {
        what: "every manifest with another digest",
        does: |bucket| {
            each(&files(&bucket.join("manifests")), |bytes| {
                let field = b"\"digest\": \"";
                let at = bytes.windows(field.len()).position(|found| found == field);
                let digit = &mut bytes[at.unwrap() + field.len()];
                *digit = if *digit == b'0' { b'1' } else { b'0' };
            });
        },
        said: "the manifest of snapshot",
    },
    Harm {
        what: "the newest catalog entry altered",
        does: |bucket| {
            let newest = files(&bucket.join("catalog")).pop().unwrap();
            each(&[newest], |bytes| bytes.truncate(40));
        },
        said: "does not parse",
    },
    Harm {
        what: "the catalog entry before it altered",
        does: |bucket| {
            let mut entries = files(&bucket.join("catalog"));
            entries.pop();
            each(&entries[entries.len() - 1..], |bytes| bytes.push(b'\n'));
        },
        said: "was built on other bytes",
    },
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn each(files: &[PathBuf], change: impl Fn(&mut Vec<u8>)) {
    assert!(!files.is_empty());
    for file in files {
        let mut bytes = fs::read(file).unwrap();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
    }
}

fn replace(files: &[PathBuf], from: &str, to: &str) {
    each(files, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        *bytes = text.replace(from, to).into_bytes();
    });
}

fn remove(files: &[PathBuf]) {
    for file in files {
        fs::remove_file(file).unwrap();
    }
}

fn document(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Where another cluster keeps its snapshots, in the same bucket.
fn others(bucket: &Path) -> PathBuf {
    bucket.with_file_name("other")
}

/// Puts a snapshot of another cluster there.
async fn another_cluster_in_the_bucket_of(cluster: &TestCluster) {
    let mut other = TestCluster::prepare(&["a"], "1h");
    edit(&other.nodes[0], "\"test\"", "\"other\"");
    let bucket = cluster.dir.path().join("bucket");
    let url = format!("url = \"{}\"", bucket.display());
    edit(&other.nodes[0], "url = \"bucket\"", &url);
    other.launch().await;
    let client = lender(&other, Duration::from_secs(20)).await;
    put_all(&client, &objects(0..100, 8)).await;
    let made = other.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    other.nodes[0].kill().await;
}

fn own_fingerprint(bucket: &Path) -> String {
    let owner = document(&bucket.join("fingerprint"));
    owner["cluster"].as_str().unwrap().to_owned()
}

/// The bucket of a cluster that is down, as it was.
struct Saved {
    bucket: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Saved {
    fn of(cluster: &TestCluster) -> Self {
        let bucket = cluster.dir.path().join("bucket/test");
        let all = files(&bucket).into_iter();
        Self {
            files: all
                .map(|path| (path.clone(), fs::read(path).unwrap()))
                .collect(),
            bucket,
        }
    }

    fn restore(&self) {
        remove(&files(&self.bucket));
        for (path, bytes) in &self.files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_snapshot_harmed_a_complete_log_is_served() {
    let mut cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..200, 8);
    for part in puts.chunks(100) {
        put_all(&client, part).await;
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
    }
    cluster.nodes[0].kill().await;
    another_cluster_in_the_bucket_of(&cluster).await;
    let saved = Saved::of(&cluster);
    for Harm { what, does, said } in HARMS {
        does(&saved.bucket);
        let before = cluster.nodes[0].log_text().len();
        cluster.nodes[0].start();
        all_exist(&client, &puts).await;
        let log = cluster.nodes[0].log_text().split_off(before);
        assert!(log.contains("replaying the complete log"), "{what}: {log}");
        assert!(log.contains(said), "{what}: {log}");
        cluster.nodes[0].kill().await;
        saved.restore();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_snapshot_harmed_and_the_log_trimmed_nobody_serves() {
    let mut cluster = trimmed().await;
    let floor = inspect(&cluster).await["floor"].as_u64().unwrap();
    another_cluster_in_the_bucket_of(&cluster).await;
    let saved = Saved::of(&cluster);
    for Harm { what, does, said } in HARMS {
        does(&saved.bucket);
        cluster.nodes[0].start();
        let status = cluster
            .until("it to stand still", |status| {
                status.nodes.iter().any(|node| node.failure.is_some())
            })
            .await;
        assert_eq!(status.leader, None, "{what}");
        let told = status.nodes[0].failure.clone().unwrap();
        assert!(told.contains(said), "{what}: {told}");
        let gone = format!("entries 1 to {} are no longer in the log", floor - 1);
        assert!(told.contains(&gone), "{what}: {gone}: {told}");
        cluster.nodes[0].kill().await;
        saved.restore();
    }
    cluster.nodes[0].start();
    cluster
        .until("it to lead again", |status| status.leader.is_some())
        .await;
    cluster.nodes[0].kill().await;
}
