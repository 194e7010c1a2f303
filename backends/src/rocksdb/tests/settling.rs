//! Who is let in, and what is durable then.

use std::fs;
use std::path::Path;

use super::{Log, append_some, handle};
use crate::log_words::{append, lead, payloads, read_all, refusal, token};
use standfast_core::{ErrorKind, OpLogStore, ReadLimit};

/// A copy of the database with an empty write-ahead log.
fn copy_of_files(log: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(log).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.extension().is_some_and(|extension| extension == "log") {
            fs::write(copy, b"").unwrap();
        } else if path.is_file() {
            fs::copy(&path, copy).unwrap();
        }
    }
}

/// R1: what a dead writer left in the write-ahead log, perhaps never synced, is in synced files before the next one is let
/// in. Seen by emptying the write-ahead log of a copy.
#[tokio::test]
async fn what_was_recovered_is_durable_before_the_next_writer_is_let_in() {
    let log = Log::new().await;
    let mut dead = lead(&log.handle(), 1).await.unwrap();
    let sent = append_some(&mut *dead, 20).await;
    drop(dead);
    let writer = log.handle().open_writer(&token(2)).await.unwrap();
    assert_eq!(writer.tail(), sent.last().unwrap().end());

    let copy = tempfile::tempdir().unwrap();
    copy_of_files(&log.path(), &copy.path().join("log"));
    let mut next = handle(copy.path()).open_writer(&token(3)).await.unwrap();
    assert_eq!(next.tail(), writer.tail());
    let before = sent[0].end();
    let there = next.settled(before, ReadLimit::default()).await.unwrap();
    assert_eq!(there, sent[1..]);
}

#[tokio::test]
async fn while_one_handle_writes_another_is_told_which_process_holds_the_log() {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    let error = refusal(log.handle().open_writer(&token(2)).await);
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
    let own = format!("process {} (this one)", std::process::id());
    assert!(error.to_string().contains(&own), "{error}");
    append(&mut *writer, b"goes on").await.unwrap();
    writer.close().await.unwrap();
    let mut next = lead(&log.handle(), 2).await.unwrap();
    append(&mut *next, b"and on").await.unwrap();
    next.mark_committed().await.unwrap();
    let read = read_all(&log.handle()).await.unwrap();
    assert_eq!(payloads(&read), [b"goes on".to_vec(), b"and on".to_vec()]);
}

/// OL-2, within the handle of a node: a poisoned writer's successor does not wait for it to be dropped.
#[tokio::test]
async fn a_zombie_of_the_same_handle_is_fenced_and_stays_so() {
    let log = Log::new().await;
    let store = log.handle();
    let mut zombie = lead(&store, 1).await.unwrap();
    append(&mut *zombie, b"acknowledged").await.unwrap();
    let mut writer = lead(&store, 2).await.unwrap();
    for _ in 0..2 {
        let error = append(&mut *zombie, b"late").await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
        let error = zombie.mark_committed().await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
    }
    drop(zombie);
    append(&mut *writer, b"new").await.unwrap();
    writer.mark_committed().await.unwrap();
    let read = read_all(&log.handle()).await.unwrap();
    assert_eq!(payloads(&read), [b"acknowledged".to_vec(), b"new".to_vec()]);
}

#[tokio::test]
async fn a_lower_epoch_does_not_end_the_term_of_a_higher_one() {
    let log = Log::new().await;
    let store = log.handle();
    let mut writer = lead(&store, 5).await.unwrap();
    for lower in [4, 5] {
        let error = refusal(store.open_writer(&token(lower)).await);
        assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
    }
    append(&mut *writer, b"goes on").await.unwrap();
}

/// A long term is not read again by the next one: what is older than its marks is left to readers, who are told.
#[tokio::test]
async fn a_term_looks_at_what_came_since_the_last_mark() {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..20 {
        sent.push(append(&mut *writer, &vec![7; 1 << 20]).await.unwrap());
    }
    drop(writer);
    let remove = |at: usize| {
        let tuning = super::super::options::Tuning::new();
        let db = super::super::database::open("tamper", &log.path(), &tuning).unwrap();
        db.delete(super::super::layout::batch_key(sent[at].first()))
            .unwrap();
    };
    remove(3);
    let writer = lead(&log.handle(), 2).await.unwrap();
    let error = refusal(read_all(&log.handle()).await);
    assert_eq!(*error.kind(), ErrorKind::Gap, "{error}");
    drop(writer);
    remove(19);
    let error = refusal(lead(&log.handle(), 3).await);
    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
}
