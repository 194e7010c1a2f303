use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lender::{lender, objects, put_all};
use crate::support::TestCluster;

/// Exit code of a verification, and what it says.
async fn verify(cluster: &TestCluster, words: &[&str]) -> (Option<i32>, String) {
    let words = [&["snapshot", "verify"], words].concat();
    let done = cluster.nodes[0].command(&words).await;
    (done.status.code(), String::from_utf8(done.stdout).unwrap())
}

fn only_file(below: PathBuf) -> PathBuf {
    let mut at = below;
    while at.is_dir() {
        let mut entries = fs::read_dir(&at)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        at = entries.next().unwrap();
        assert_eq!(entries.next(), None);
    }
    at
}

fn newest_entry(bucket: &Path) -> (PathBuf, String) {
    let entries = fs::read_dir(bucket.join("catalog")).unwrap();
    let newest = entries.map(|entry| entry.unwrap().path()).max().unwrap();
    let written = fs::read_to_string(&newest).unwrap();
    (newest, written)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bytes_are_found_by_reading_and_other_rows_by_their_digest() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    put_all(&client, &objects(0..50, 32)).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    for words in [&[][..], &["--deep"]] {
        let (code, told) = verify(&cluster, words).await;
        assert_eq!(code, Some(0), "{told}");
    }

    let bucket = cluster.dir.path().join("bucket").join("test");
    let manifest = only_file(bucket.join("manifests"));
    let written = fs::read_to_string(&manifest).unwrap();
    let mut other: serde_json::Value = serde_json::from_str(&written).unwrap();
    other["digest"] = "0".repeat(other["digest"].as_str().unwrap().len()).into();
    fs::write(&manifest, other.to_string()).unwrap();
    for words in [&[][..], &["--deep"]] {
        let (code, told) = verify(&cluster, words).await;
        assert!(code == Some(1) && told.contains("the catalog"), "{told}");
    }

    // The catalog says the same: only the rows tell.
    let (entry, entry_written) = newest_entry(&bucket);
    let digest = |manifest: &str| {
        let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
        manifest["digest"].as_str().unwrap().to_owned()
    };
    let forged = entry_written.replace(&digest(&written), &digest(&other.to_string()));
    assert_ne!(forged, entry_written);
    fs::write(&entry, forged).unwrap();
    let (code, told) = verify(&cluster, &[]).await;
    assert_eq!(code, Some(0), "every byte is there: {told}");
    let (code, told) = verify(&cluster, &["--deep"]).await;
    assert!(code == Some(1) && told.contains("digest"), "{told}");
    fs::write(entry, entry_written).unwrap();

    fs::write(&manifest, written).unwrap();
    let part = only_file(bucket.join("parts"));
    let mut bytes = fs::read(&part).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&part, bytes).unwrap();
    for words in [&[][..], &["--deep"]] {
        let (code, told) = verify(&cluster, words).await;
        let name = part.file_name().unwrap().to_str().unwrap();
        assert!(code == Some(1) && told.contains(name), "{told}");
    }
}
