use standfast_core::{ErrorKind, SnapshotStore, Store};
use tempfile::TempDir;

use super::support::{proposal, win};
use super::unreliable::{PutFault, Unreliable};

#[tokio::test]
async fn a_lost_answer_is_read_back_and_the_entry_is_ours() {
    for fault in [PutFault::LoseAnswer, PutFault::SayExists] {
        let folder = TempDir::new().unwrap();
        let (store, faults) = Unreliable::bucket(&folder).await;
        faults.lock().push_back(fault);
        let entry = win(&store, 1, |_| {}).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(entry), "{fault:?}");
    }
}

#[tokio::test]
async fn a_conflict_that_left_nothing_is_sent_again() {
    for fault in [PutFault::Conflict, PutFault::Fail] {
        let folder = TempDir::new().unwrap();
        let (store, faults) = Unreliable::bucket(&folder).await;
        faults.lock().extend([fault, fault, PutFault::LoseAnswer]);
        let entry = win(&store, 1, |_| {}).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Some(entry), "{fault:?}");
    }
}

#[tokio::test]
async fn a_store_that_never_does_it_is_unavailable_and_nothing_is_won() {
    let folder = TempDir::new().unwrap();
    let (store, faults) = Unreliable::bucket(&folder).await;
    faults.lock().extend([PutFault::Fail; 6]);
    let error = win(&store, 1, |_| {}).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
    assert_eq!(store.newest().await.unwrap(), None);
}

#[tokio::test]
async fn parts_and_manifests_survive_lost_answers_too() {
    let folder = TempDir::new().unwrap();
    let (store, faults) = Unreliable::bucket(&folder).await;
    faults.lock().extend([
        PutFault::LoseAnswer,
        PutFault::Conflict,
        PutFault::SayExists,
    ]);
    let manifest = proposal(&store, 9).await;
    store.propose(&manifest).await.unwrap();
    store.verify(&manifest.id).await.unwrap();
    let mut other = manifest.clone();
    other.created_ms += 1;
    let error = store.propose(&other).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn a_store_that_ignores_the_condition_is_refused_at_start() {
    let folder = TempDir::new().unwrap();
    let (store, faults) = Unreliable::bucket(&folder).await;
    store.probe().await.unwrap();
    faults
        .lock()
        .extend([PutFault::IgnoreCondition, PutFault::IgnoreCondition]);
    let error = store.probe().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("create-if-absent"), "{error}");
    assert_eq!(
        std::fs::read_dir(folder.path().join("c/probe"))
            .unwrap()
            .count(),
        0
    );
}

/// A create that failed did not lose: nothing was learned of such a store.
#[tokio::test]
async fn a_probe_whose_second_create_fails_passes_no_store() {
    let folder = TempDir::new().unwrap();
    let (store, faults) = Unreliable::bucket(&folder).await;
    faults.lock().push_back(PutFault::LoseAnswer);
    faults.lock().extend([PutFault::Fail; 6]);
    let error = store.probe().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
    assert!(faults.lock().is_empty());
}

/// Its writer slept through that.
#[tokio::test]
async fn an_entry_that_comes_late_into_a_bucket_that_was_emptied_is_not_left_there() {
    let folder = TempDir::new().unwrap();
    let (store, faults) = Unreliable::bucket(&folder).await;
    for _ in 0..3 {
        win(&store, 1, |_| {}).await.unwrap();
    }
    faults.lock().push_back(PutFault::Emptied);
    let error = win(&store, 1, |_| {}).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
    let (anew, _) = Unreliable::bucket(&folder).await;
    assert_eq!(anew.newest().await.unwrap(), None);
    assert_eq!(win(&anew, 1, |_| {}).await.unwrap().number, 1);
}
