use std::fs;
use std::time::Duration;

use standfast_core::{ErrorKind, Manifest, Section, Seq, SnapshotStore};

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

/// SS-5: what a listed snapshot refers to stays.
#[tokio::test]
async fn what_is_retired_goes_and_what_is_listed_or_young_stays() {
    let (bucket, old, new) = two().await;
    let young = proposal(&bucket, 12).await;
    let entry = win(&bucket, 1, |entry| retire(entry, &old)).await.unwrap();
    assert_eq!(bucket.collect(&entry).await.unwrap(), 2);
    assert_eq!(exists(&bucket, &old), (false, false));
    assert_eq!(exists(&bucket, &new), (true, true));
    assert_eq!(exists(&bucket, &young), (true, true));
    assert_eq!(bucket.collect(&entry).await.unwrap(), 0, "idempotent");
    assert!(
        !bucket
            .path(&format!("parts/{}", old.parts[0].upload))
            .exists()
    );
}

/// SS-5: what a pin refers to stays.
#[tokio::test]
async fn what_is_pinned_stays_until_it_is_unpinned() {
    let (bucket, old, _) = two().await;
    bucket.pin(&old.id, Seq(5), "reader").await.unwrap();
    let entry = win(&bucket, 1, |entry| retire(entry, &old)).await.unwrap();
    assert_eq!(bucket.collect(&entry).await.unwrap(), 0);
    assert_eq!(exists(&bucket, &old), (true, true));
    let pins = bucket.pins().await.unwrap();
    assert_eq!(
        (pins.len(), pins[0].seq, &pins[0].snapshot),
        (1, Seq(5), &old.id)
    );
    assert!(pins[0].age < Duration::from_mins(1), "{:?}", pins[0].age);
    bucket.unpin(&old.id, "reader").await.unwrap();
    bucket.unpin(&old.id, "reader").await.unwrap();
    assert_eq!(bucket.collect(&entry).await.unwrap(), 2);
}

#[tokio::test]
async fn an_entry_that_was_not_won_collects_nothing() {
    let (bucket, old, _) = two().await;
    let mut entry = bucket.newest().await.unwrap().unwrap();
    retire(&mut entry, &old);
    assert_eq!(
        *bucket.collect(&entry).await.unwrap_err().kind(),
        ErrorKind::Invalid
    );
    entry.number += 1;
    assert_eq!(
        *bucket.collect(&entry).await.unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert_eq!(exists(&bucket, &old), (true, true));
}

#[tokio::test]
async fn a_collection_of_an_old_entry_that_thaws_late_deletes_nothing_of_newer_ones() {
    let (bucket, old, new) = two().await;
    let frozen = win(&bucket, 1, |entry| retire(entry, &old)).await.unwrap();
    let newer = proposal(&bucket, 20).await;
    win(&bucket, 2, |entry| entry.snapshots.push(listed(&newer)))
        .await
        .unwrap();
    bucket.again().await.collect(&frozen).await.unwrap();
    assert_eq!(exists(&bucket, &new), (true, true));
    assert_eq!(exists(&bucket, &newer), (true, true));
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
