use std::fs;

use standfast_core::{ErrorKind, SnapshotStore, Store};

use super::support::{Folder, cluster, listed, other_cluster, proposal, win};

#[tokio::test]
async fn a_hole_in_the_catalog_or_an_entry_that_was_altered_is_corrupt() {
    let bucket = Folder::new().await;
    for _ in 0..5 {
        win(&bucket, 1, |_| {}).await.unwrap();
    }
    let entry = |n: u64| bucket.path(&format!("catalog/{n:020}.json"));
    let corrupt = async |what: &str| {
        let error = bucket.again().await.newest().await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{what}: {error}");
        error.to_string()
    };
    let fourth = fs::read(entry(4)).unwrap();
    let text = String::from_utf8(fourth.clone()).unwrap();
    fs::write(entry(4), text.replace("node-1", "node-9")).unwrap();
    assert!(corrupt("altered").await.contains("entry 4"));
    fs::write(entry(4), &fourth[..fourth.len() / 2]).unwrap();
    corrupt("cut").await;
    fs::remove_file(entry(4)).unwrap();
    corrupt("hole").await;
    fs::write(entry(4), fourth).unwrap();
    bucket.again().await.newest().await.unwrap();
    // Rolled back: the hint says that more was won.
    fs::remove_file(entry(5)).unwrap();
    let told = corrupt("rolled back").await;
    assert!(
        told.contains("entry 5") && told.contains("/catalog-hint` names it"),
        "{told}"
    );
    fs::remove_file(bucket.path("catalog-hint")).unwrap();
    assert_eq!(
        bucket.again().await.newest().await.unwrap().unwrap().number,
        4
    );
}

#[tokio::test]
async fn a_hint_that_is_old_or_nonsense_only_makes_listing_longer() {
    let bucket = Folder::new().await;
    for _ in 0..5 {
        win(&bucket, 1, |_| {}).await.unwrap();
    }
    for hint in ["1\n", "nonsense", "", "-3"] {
        fs::write(bucket.path("catalog-hint"), hint).unwrap();
        let newest = bucket.again().await.newest().await.unwrap().unwrap();
        assert_eq!(newest.number, 5, "{hint:?}");
    }
}

/// SS-7: what is not ours, and what is newer than we are.
#[tokio::test]
async fn another_clusters_documents_are_foreign_and_newer_ones_a_version_error() {
    let bucket = Folder::new().await;
    let snapshot = proposal(&bucket, 5).await;
    win(&bucket, 1, |entry| entry.snapshots.push(listed(&snapshot)))
        .await
        .unwrap();
    for (file, newest) in [
        (
            bucket.path(&format!("manifests/{}.json", snapshot.id)),
            false,
        ),
        (bucket.path("catalog/00000000000000000001.json"), true),
    ] {
        let sound = fs::read_to_string(&file).unwrap();
        let foreign = sound.replace(&cluster().to_string(), &other_cluster().to_string());
        let newer = sound.replace("\"format\": 1", "\"format\": 3, \"new\": true");
        for (text, kind) in [(foreign, ErrorKind::Foreign), (newer, ErrorKind::Version)] {
            fs::write(&file, text).unwrap();
            let store = bucket.again().await;
            let error = if newest {
                store.newest().await.map(drop).unwrap_err()
            } else {
                store.open(&snapshot.id).await.map(drop).unwrap_err()
            };
            assert_eq!(*error.kind(), kind, "{error}");
        }
        fs::write(&file, sound).unwrap();
    }
}

/// One that has read it looks at its object, and reads it again when that is another.
#[tokio::test]
async fn an_entry_that_is_altered_or_deleted_is_seen_by_whoever_has_read_it() {
    let bucket = Folder::new().await;
    for _ in 0..2 {
        win(&bucket, 1, |_| {}).await.unwrap();
    }
    assert_eq!(bucket.newest().await.unwrap().unwrap().number, 2);
    let entry = bucket.path("catalog/00000000000000000002.json");
    let sound = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, sound.replace("\"number\": 2", "\"number\": 7")).unwrap();
    let told = bucket.newest().await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Corrupt, "{told}");
    fs::remove_file(&entry).unwrap();
    let told = bucket.newest().await.unwrap_err();
    assert!(told.to_string().contains("entry 2 is missing"), "{told}");
    fs::write(&entry, sound).unwrap();
    assert_eq!(bucket.newest().await.unwrap().unwrap().number, 2);
}

/// An operator who runs `cluster init` on an emptied bucket says that it is to begin again; nobody else does.
#[tokio::test]
async fn a_bucket_that_was_emptied_begins_again_when_it_was_claimed_anew() {
    let bucket = Folder::new().await;
    for _ in 0..3 {
        win(&bucket, 1, |_| {}).await.unwrap();
    }
    let catalog = bucket.path("catalog");
    fs::remove_dir_all(&catalog).unwrap();
    fs::create_dir(&catalog).unwrap();
    fs::remove_file(bucket.path("catalog-hint")).unwrap();
    let told = bucket.newest().await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Corrupt, "{told}");

    fs::remove_file(bucket.path("fingerprint")).unwrap();
    let told = bucket.newest().await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Corrupt, "{told}");
    let upload = bucket.begin().await.map(drop).unwrap_err();
    assert_eq!(*upload.kind(), ErrorKind::Corrupt, "{upload}");
    bucket.again().await.init(other_cluster()).await.unwrap();
    let told = bucket.newest().await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Foreign, "{told}");
    fs::remove_file(bucket.path("fingerprint")).unwrap();
    bucket.again().await.init(cluster()).await.unwrap();
    assert!(bucket.newest().await.unwrap().is_none());
    assert_eq!(bucket.begin().await.unwrap().id().began_on, 0);
    win(&bucket, 1, |_| {}).await.unwrap();
    assert_eq!(bucket.newest().await.unwrap().unwrap().number, 1);
    // Once: what goes missing now is damage, also beside a fingerprint that was put back from a copy.
    let mark = fs::read(bucket.path("fingerprint")).unwrap();
    fs::remove_file(bucket.path("fingerprint")).unwrap();
    fs::write(bucket.path("fingerprint"), mark).unwrap();
    fs::remove_file(bucket.path("catalog/00000000000000000001.json")).unwrap();
    let told = bucket.newest().await.unwrap_err();
    assert_eq!(*told.kind(), ErrorKind::Corrupt, "{told}");
}

#[tokio::test]
async fn a_place_that_was_not_wholly_emptied_is_not_claimed_anew() {
    let bucket = Folder::new().await;
    for _ in 0..3 {
        win(&bucket, 1, |_| {}).await.unwrap();
    }
    let entry = |n: u64| bucket.path(&format!("catalog/{n:020}.json"));
    let hint = bucket.path("catalog-hint");
    fs::remove_file(bucket.path("fingerprint")).unwrap();
    fs::remove_file(entry(1)).unwrap();
    let refused = async |what: &str| {
        let error = bucket.again().await.init(cluster()).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{what}: {error}");
        assert!(error.to_string().contains("is not empty"), "{error}");
    };
    refused("a hole").await;
    fs::remove_file(entry(2)).unwrap();
    refused("the last one stayed").await;
    fs::remove_file(entry(3)).unwrap();
    refused("the hint stayed").await;
    fs::remove_file(hint).unwrap();
    bucket.again().await.init(cluster()).await.unwrap();
}
