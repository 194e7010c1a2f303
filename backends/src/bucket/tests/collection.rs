use std::fs;

use standfast_core::{ErrorKind, Manifest, Section, SnapshotStore};

use super::support::{Folder, listed, proposal, retire, win};

fn exists(bucket: &Folder, manifest: &Manifest) -> (bool, bool) {
    let part = &manifest.parts[0];
    let part = bucket.path(&format!("parts/{}/{}.zst", part.upload, part.blake3));
    let manifest = bucket.path(&format!("manifests/{}.json", manifest.id));
    (manifest.exists(), part.exists())
}

/// A bucket with two snapshots listed.
async fn two() -> (Folder, Manifest, Manifest) {
    let bucket = Folder::new().await;
    let old = proposal(&bucket, 5).await;
    win(&bucket, 1, |entry| entry.snapshots.push(listed(&old)))
        .await
        .unwrap();
    let new = proposal(&bucket, 9).await;
    win(&bucket, 1, |entry| entry.snapshots.push(listed(&new)))
        .await
        .unwrap();
    (bucket, old, new)
}

#[tokio::test]
async fn a_listed_manifest_that_cannot_be_read_stops_the_collection() {
    let (bucket, old, new) = two().await;
    let entry = win(&bucket, 1, |entry| retire(entry, &old)).await.unwrap();
    fs::write(bucket.path(&format!("manifests/{}.json", new.id)), "{").unwrap();
    assert_eq!(
        *bucket.collect(&entry).await.unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert_eq!(exists(&bucket, &old), (true, true));
    assert_eq!(exists(&bucket, &new), (true, true));
}

#[tokio::test]
async fn what_killed_writers_staged_is_swept_with_their_upload() {
    let bucket = Folder::new().await;
    let dead = bucket.begin().await.unwrap();
    let sections = (Section::GLOBALS, Section::GLOBALS);
    dead.put_part("a".into(), 1, sections).await.unwrap();
    let folder = bucket.path(&format!("parts/{}", dead.id()));
    fs::write(folder.join("half.zst#1"), "ha").unwrap();
    win(&bucket, 1, |_| {}).await.unwrap();
    let alive = bucket.begin().await.unwrap();
    alive.put_part("b".into(), 1, sections).await.unwrap();
    let staged = bucket.path(&format!("parts/{}/half.zst#1", alive.id()));
    fs::write(&staged, "ha").unwrap();
    let entry = win(&bucket, 1, |entry| entry.oldest_upload = 1)
        .await
        .unwrap();
    assert_eq!(bucket.collect(&entry).await.unwrap(), 2);
    assert!(!folder.exists());
    assert!(staged.exists(), "its writer may be alive");
}
