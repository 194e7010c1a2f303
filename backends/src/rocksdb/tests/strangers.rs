//! Directories that are not what they should be.

use std::fs;

use super::super::database;
use super::super::options::Tuning;
use super::super::records::{ClusterRecord, Single};
use super::{Log, handle};
use crate::log_words::{cluster, read_all, refusal, stranger, token};
use standfast_core::{ErrorKind, OpLogStore, Store};

#[tokio::test]
async fn an_empty_directory_belongs_to_no_cluster_and_stays_empty() {
    let log = Log::empty();
    assert_eq!(log.handle().fingerprint().await.unwrap(), None);
    for error in [
        refusal(log.handle().open_writer(&token(1)).await),
        refusal(read_all(&log.handle()).await),
        refusal(log.handle().bounds().await),
    ] {
        assert_eq!(*error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("cluster init"), "{error}");
    }
    assert_eq!(fs::read_dir(log.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn of_two_clusters_that_begin_one_log_at_once_one_wins() {
    let log = Log::empty();
    let (one, other) = (log.handle(), log.handle());
    let (first, second) = tokio::join!(one.init(cluster()), other.init(stranger()));
    let own = log.handle().fingerprint().await.unwrap();
    assert_eq!(first.is_ok(), own == Some(cluster()), "{first:?}");
    assert_eq!(second.is_ok(), own == Some(stranger()), "{second:?}");
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}

#[tokio::test]
async fn the_database_of_another_program_is_foreign() {
    let log = Log::empty();
    let db = rocksdb::DB::open_default(log.path()).unwrap();
    db.put(b"theirs", b"theirs").unwrap();
    drop(db);
    let error = refusal(log.handle().open_writer(&token(1)).await);
    assert_eq!(*error.kind(), ErrorKind::Foreign, "{error}");
    let error = log.handle().init(cluster()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Foreign, "{error}");
}

#[tokio::test]
async fn a_log_of_a_newer_format_is_refused_as_such() {
    let log = Log::new().await;
    let db = database::open("test", &log.path(), &Tuning::new()).unwrap();
    let newer = br#"{"format": "standfast-rocksdb-cluster", "version": 2, "shape": []}"#;
    db.put_cf(database::meta(&db), ClusterRecord::KEY, newer)
        .unwrap();
    drop(db);
    for error in [
        refusal(log.handle().fingerprint().await),
        refusal(log.handle().open_writer(&token(1)).await),
        refusal(read_all(&log.handle()).await),
        refusal(log.handle().init(cluster()).await),
    ] {
        assert_eq!(*error.kind(), ErrorKind::Version, "{error}");
    }
}

#[tokio::test]
async fn what_readers_note_is_gone_with_them() {
    let log = Log::new().await;
    let readers = log.dir.path().join("readers");
    // Of a process that was killed.
    fs::create_dir_all(readers.join("999999999-0")).unwrap();
    let reader = log.handle();
    reader.bounds().await.unwrap();
    assert_eq!(fs::read_dir(&readers).unwrap().count(), 1, "its own");
    drop(reader);
    assert!(!readers.exists(), "the node's user may not be this one's");
    handle(log.dir.path()).bounds().await.unwrap();
}
