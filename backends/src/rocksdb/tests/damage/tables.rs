//! Of the files of entries, and of those that name them.

use std::fs;

use super::super::super::{database, layout, options};
use super::super::{Log, handle};
use super::{flip, in_files, in_wal, is_told, largest, reopen};
use crate::log_words::{append, cluster, lead, payloads, read_all, refusal, token};
use standfast_core::{ErrorKind, OpLogStore, Position, ReadLimit, Store};

/// RocksDB begins with `CURRENT`: without it, it would make a new database over the one that is there.
#[tokio::test]
async fn a_missing_current_is_told_and_no_log_is_made_over_what_is_there() {
    let (log, sent) = in_files().await;
    let current = log.path().join("CURRENT");
    let whole = fs::read(&current).unwrap();
    fs::remove_file(&current).unwrap();
    is_told(&log, reopen(&log).await);
    is_told(&log, read_all(&log.handle()).await);
    is_told(&log, log.handle().fingerprint().await);
    is_told(&log, log.handle().init(cluster()).await);
    fs::write(&current, whole).unwrap();
    let read = read_all(&log.handle()).await.unwrap();
    assert_eq!(payloads(&read), payloads(&sent));
}

#[tokio::test]
async fn a_bit_that_flipped_among_entries_in_a_file_is_told_to_whoever_reads_them() {
    let (log, _) = in_files().await;
    let file = largest(&log.path(), "sst");
    let whole = fs::read(&file).unwrap();
    flip(&file, 200, 1);
    is_told(&log, read_all(&log.handle()).await);
    fs::write(&file, whole).unwrap();
    assert_eq!(read_all(&log.handle()).await.unwrap().len(), 21);
}

#[tokio::test]
async fn a_file_that_is_gone_is_told() {
    let (log, _) = in_files().await;
    fs::remove_file(largest(&log.path(), "sst")).unwrap();
    is_told(&log, reopen(&log).await);
}

fn manifest(log: &Log) -> std::path::PathBuf {
    let current = fs::read_to_string(log.path().join("CURRENT")).unwrap();
    log.path().join(current.trim_end())
}

#[tokio::test]
async fn a_manifest_that_is_damaged_or_gone_is_told() {
    let (log, _) = in_files().await;
    let manifest = manifest(&log);
    let whole = fs::read(&manifest).unwrap();
    flip(&manifest, 20, 1);
    is_told(&log, reopen(&log).await);
    is_told(&log, read_all(&log.handle()).await);
    fs::remove_file(&manifest).unwrap();
    is_told(&log, reopen(&log).await);
    is_told(&log, read_all(&log.handle()).await);
    fs::write(&manifest, whole).unwrap();
    reopen(&log).await.expect("whole again");
}

/// Changes the database as no writer of ours would.
fn tamper(log: &Log, change: impl FnOnce(&rocksdb::DB)) {
    let tuning = options::Tuning::new();
    let db = database::open("tamper", &log.path(), &tuning).unwrap();
    change(&db);
}

#[tokio::test]
async fn a_batch_that_is_missing_in_the_middle_is_told_to_writers_and_readers() {
    let (log, sent) = in_wal().await;
    let key = layout::batch_key(sent[10].first());
    tamper(&log, |db| db.delete(key).unwrap());
    is_told(&log, reopen(&log).await);
    // What is known committed of it is asked for by its neighbours.
    let (log, sent) = in_files().await;
    tamper(&log, |db| db.delete(key).unwrap());
    let all = read_all(&log.handle()).await;
    let error = refusal(all);
    assert_eq!(*error.kind(), ErrorKind::Gap, "{error}");
    assert!(sent.len() > 10);
}

#[tokio::test]
async fn a_log_that_ends_before_what_was_settled_is_told() {
    let (log, sent) = in_files().await;
    let key = layout::batch_key(sent.last().unwrap().first());
    tamper(&log, |db| db.delete(key).unwrap());
    is_told(&log, reopen(&log).await);
}

#[tokio::test]
async fn an_operator_who_accepts_a_loss_begins_anew_and_keeps_what_was_there() {
    let (log, sent) = in_files().await;
    let key = layout::batch_key(sent.last().unwrap().first());
    tamper(&log, |db| db.delete(key).unwrap());
    let begin = sent[3].end();
    log.handle().begin_at(&token(4), begin).await.unwrap();
    let mut writer = lead(&log.handle(), 4).await.unwrap();
    append(&mut *writer, b"on").await.unwrap();
    let aside = log.dir.path().join(format!("log-before-{:020}", 4));
    assert!(aside.join("CURRENT").is_file());
    let kept = tempfile::tempdir().unwrap();
    fs::rename(&aside, kept.path().join("log")).unwrap();
    let genesis = Position::genesis(cluster());
    let there = handle(kept.path())
        .read(genesis, ReadLimit::default())
        .await;
    assert_eq!(there.unwrap().len(), sent.len());
}
