use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use standfast_core::{CatalogEntry, ErrorKind, SnapshotStore, Store, Won};
use tokio::task::JoinSet;

use super::support::{
    Folder, after, cluster, listed, manifest, other_cluster, part, proposal, retire, token, win,
};
use crate::bucket::BucketSnapshotStore;

async fn kind(bucket: &Folder, epoch: u64, change: impl FnOnce(&mut CatalogEntry)) -> ErrorKind {
    win(bucket, epoch, change).await.unwrap_err().kind().clone()
}

/// ST-1: of two racing inits one wins.
#[tokio::test]
async fn a_bucket_belongs_to_the_first_cluster_that_claims_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let one = BucketSnapshotStore::open(folder.path(), "c").await.unwrap();
    let other = BucketSnapshotStore::open(folder.path(), "c").await.unwrap();
    assert_eq!(one.fingerprint().await.unwrap(), None);
    let (a, b) = tokio::join!(one.init(cluster()), other.init(other_cluster()));
    let lost = [a, b]
        .into_iter()
        .filter_map(Result::err)
        .collect::<Vec<_>>();
    assert_eq!(lost.len(), 1);
    assert_eq!(*lost[0].kind(), ErrorKind::Foreign);
    let third = BucketSnapshotStore::open(folder.path(), "c").await.unwrap();
    assert_eq!(
        third.fingerprint().await.unwrap(),
        one.fingerprint().await.unwrap()
    );
}

/// SS-2: of all that race for a number one wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_racers_for_an_entry_one_wins_and_all_see_it() {
    let bucket = Folder::new().await;
    for round in 1..=10 {
        let base = bucket.newest().await.unwrap();
        let mut racers = JoinSet::new();
        for racer in 0..20 {
            let store = Arc::new(bucket.again().await);
            let mut next = after(base.as_ref(), &token(1));
            next.nonce = format!("racer-{racer}");
            racers.spawn(async move { (store.win_entry(&token(1), next).await.unwrap(), store) });
        }
        let mut won = 0;
        let mut seen = BTreeSet::new();
        while let Some(racer) = racers.join_next().await {
            let (answer, store) = racer.unwrap();
            won += u32::from(matches!(answer, Won::Yes(_)));
            let newest = store.newest().await.unwrap().unwrap();
            assert_eq!(newest.number, round);
            seen.insert(newest.nonce);
        }
        assert_eq!((won, seen.len()), (1, 1));
    }
}

/// SS-3: an entry builds on no higher epoch.
#[tokio::test]
async fn an_entry_that_builds_on_a_higher_epoch_is_fenced() {
    let bucket = Folder::new().await;
    let first = win(&bucket, 2, |_| {}).await.unwrap();
    assert_eq!(kind(&bucket, 1, |_| {}).await, ErrorKind::Fenced);
    win(&bucket, 2, |_| {}).await.unwrap();
    win(&bucket, 3, |_| {}).await.unwrap();
    // It lost the number to a higher epoch and need not read the newest to know.
    let mut late = after(Some(&first), &token(2));
    late.nonce = "late".to_owned();
    late.number = 3;
    let error = bucket.win_entry(&token(2), late).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
}

#[tokio::test]
async fn an_entry_must_be_the_token_holders_own_and_of_this_cluster() {
    let bucket = Folder::new().await;
    assert_eq!(
        kind(&bucket, 1, |e| e.epoch.0 = 9).await,
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(&bucket, 1, |e| e.nonce.clear()).await,
        ErrorKind::Invalid
    );
    assert_eq!(kind(&bucket, 1, |e| e.number = 0).await, ErrorKind::Invalid);
    let mut foreign = token(1);
    foreign.cluster = other_cluster();
    let error = bucket.win_entry(&foreign, after(None, &token(1))).await;
    assert_eq!(*error.unwrap_err().kind(), ErrorKind::Foreign);
    assert_eq!(bucket.newest().await.unwrap(), None);
}

/// SS-4: what an entry may list.
#[tokio::test]
async fn an_entry_lists_only_what_its_manifest_says_and_what_was_not_revoked() {
    let bucket = Folder::new().await;
    let early = proposal(&bucket, 5).await;
    win(&bucket, 1, |_| {}).await.unwrap();
    let good = proposal(&bucket, 10).await;
    let reused = manifest(11, 3, early.parts.clone());
    bucket.propose(&reused).await.unwrap();
    let wrong = |entry: &mut CatalogEntry| {
        entry.snapshots.push(listed(&good));
        entry.snapshots[0].position.seq.0 = 11;
    };
    assert_eq!(kind(&bucket, 1, wrong).await, ErrorKind::Invalid);
    let missing = manifest(12, 1, vec![part(1, 1)]);
    let unknown = |entry: &mut CatalogEntry| entry.snapshots.push(listed(&missing));
    assert_eq!(kind(&bucket, 1, unknown).await, ErrorKind::Invalid);
    let too_high = |entry: &mut CatalogEntry| entry.oldest_upload = 9;
    assert_eq!(kind(&bucket, 1, too_high).await, ErrorKind::Invalid);

    win(&bucket, 1, |entry| {
        entry.oldest_upload = 1;
        entry.snapshots.push(listed(&good));
    })
    .await
    .unwrap();
    for revoked in [&early, &reused] {
        let late = |entry: &mut CatalogEntry| {
            entry.snapshots.push(listed(revoked));
            entry.snapshots.sort_by_key(|listed| listed.position.seq);
        };
        assert_eq!(kind(&bucket, 1, late).await, ErrorKind::Invalid);
    }
    let falls = |entry: &mut CatalogEntry| entry.oldest_upload = 0;
    assert_eq!(kind(&bucket, 1, falls).await, ErrorKind::Invalid);
}

/// SS-4: a part of a listed snapshot may be reused, of a retired one not.
#[tokio::test]
async fn a_part_is_reused_only_while_a_listed_snapshot_refers_to_it() {
    let bucket = Folder::new().await;
    let base = proposal(&bucket, 5).await;
    win(&bucket, 1, |entry| entry.snapshots.push(listed(&base)))
        .await
        .unwrap();
    win(&bucket, 1, |entry| entry.oldest_upload = 1)
        .await
        .unwrap();

    let reuser = manifest(7, 1, base.parts.clone());
    let late = manifest(8, 2, base.parts.clone());
    bucket.propose(&reuser).await.unwrap();
    bucket.propose(&late).await.unwrap();
    let entry = win(&bucket, 1, |entry| entry.snapshots.push(listed(&reuser)))
        .await
        .unwrap();
    assert_eq!(entry.snapshots.len(), 2);
    win(&bucket, 1, |entry| {
        retire(entry, &base);
        retire(entry, &reuser);
    })
    .await
    .unwrap();
    let again = |entry: &mut CatalogEntry| entry.snapshots.push(listed(&late));
    assert_eq!(kind(&bucket, 1, again).await, ErrorKind::Invalid);
}

/// SS-4: that others keep its parts does not bring a snapshot back.
#[tokio::test]
async fn a_snapshot_whose_own_upload_was_revoked_is_not_listed() {
    let bucket = Folder::new().await;
    let first = proposal(&bucket, 5).await;
    let layered = manifest(7, 1, vec![part(0, 1)]).on(first.clone());
    bucket.propose(&layered).await.unwrap();
    win(&bucket, 1, |entry| entry.snapshots.push(listed(&layered)))
        .await
        .unwrap();
    win(&bucket, 1, |entry| entry.oldest_upload = 1)
        .await
        .unwrap();
    let late = |entry: &mut CatalogEntry| entry.snapshots.insert(0, listed(&first));
    assert_eq!(kind(&bucket, 1, late).await, ErrorKind::Invalid);
    let later = manifest(9, 2, vec![part(1, 2)]).on(layered);
    bucket.propose(&later).await.unwrap();
    let entry = win(&bucket, 1, |entry| entry.snapshots.push(listed(&later)));
    assert_eq!(entry.await.unwrap().snapshots.len(), 2);
}

/// SS-4: what is retired can never come back.
#[tokio::test]
async fn an_entry_that_retires_without_revoking_the_upload_is_refused() {
    let bucket = Folder::new().await;
    let snapshot = proposal(&bucket, 5).await;
    win(&bucket, 1, |entry| entry.snapshots.push(listed(&snapshot)))
        .await
        .unwrap();
    let vanish = |entry: &mut CatalogEntry| entry.snapshots.clear();
    assert_eq!(kind(&bucket, 1, vanish).await, ErrorKind::Invalid);
    let half = |entry: &mut CatalogEntry| {
        entry.snapshots.clear();
        entry.retired.push(snapshot.id.clone());
    };
    assert_eq!(kind(&bucket, 1, half).await, ErrorKind::Invalid);
    win(&bucket, 1, |entry| retire(entry, &snapshot))
        .await
        .unwrap();
    let back = |entry: &mut CatalogEntry| entry.snapshots.push(listed(&snapshot));
    assert_eq!(kind(&bucket, 1, back).await, ErrorKind::Invalid);
}

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
    let mut foreign = snapshot;
    foreign.cluster = other_cluster();
    let error = bucket.propose(&foreign).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Foreign);
}
