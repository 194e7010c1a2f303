//! h14: what is damaged is told, and nothing behind it is served.

use std::fs;
use std::path::Path;

use super::{Log, append_some, files, handle};
use crate::log_words::{append, cluster, lead, read_all, refusal, token};
use standfast_core::{Batch, ErrorKind, OpLogStore, OpLogWriter, Position, ReadLimit, Result};

/// A log of some entries, all of them in the write-ahead log, and its writer gone.
async fn in_wal() -> (Log, Vec<Batch>) {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    let sent = append_some(&mut *writer, 20).await;
    drop(writer);
    (log, sent)
}

/// The same, and the writer said that all of it is committed.
async fn marked() -> (Log, Vec<Batch>) {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    let sent = append_some(&mut *writer, 20).await;
    writer.mark_committed().await.unwrap();
    drop(writer);
    (log, sent)
}

/// The same, all of it in files.
async fn in_files() -> (Log, Vec<Batch>) {
    let (log, sent) = in_wal().await;
    drop(log.handle().open_writer(&token(2)).await.unwrap());
    (log, sent)
}

/// The largest file of the kind: the one that holds the entries.
fn largest(dir: &Path, extension: &str) -> std::path::PathBuf {
    let found = files(dir, extension).into_iter();
    found
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

fn flip(path: &Path, at: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= bit;
    fs::write(path, bytes).unwrap();
}

async fn reopen(log: &Log) -> Result<Box<dyn OpLogWriter>> {
    log.handle().open_writer(&token(3)).await
}

fn is_told<T>(log: &Log, result: Result<T>) {
    let error = refusal(result);
    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
    let place = log.path().display().to_string();
    assert!(
        error.to_string().contains(&place),
        "names the place: {error}"
    );
}

/// Wherever it is: also in the length of a record, of which RocksDB believes that it was being written.
#[tokio::test]
async fn a_bit_that_flipped_in_the_write_ahead_log_is_told_or_takes_nothing_that_was_acknowledged()
{
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    for _ in 0..10 {
        append_some(&mut *writer, 1).await;
        writer.mark_committed().await.unwrap();
    }
    let end = writer.tail();
    drop(writer);
    let wal = largest(&log.path(), "log");
    let length = usize::try_from(fs::metadata(&wal).unwrap().len()).unwrap();
    let mut told = 0;
    for at in (0..length).step_by(29) {
        let copy = Log::empty();
        for entry in fs::read_dir(log.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        flip(
            &copy.path().join(wal.file_name().unwrap()),
            at,
            1 << (at % 8),
        );
        match reopen(&copy).await {
            Ok(writer) => assert_eq!(writer.tail(), end, "a bit at {at} of {length}"),
            told_so => {
                is_told(&copy, told_so);
                told += 1;
            }
        }
    }
    assert!(told > length / 29 / 2, "{told} of {}", length / 29);
}

/// RocksDB takes each of these for the end of the log, and drops what follows without a word.
#[tokio::test]
async fn a_damaged_length_or_type_in_the_write_ahead_log_is_told() {
    for (at, bit) in [(5, 0x40), (6, 0x04)] {
        let (log, _) = marked().await;
        flip(&largest(&log.path(), "log"), at, bit);
        is_told(&log, reopen(&log).await);
    }
}

#[tokio::test]
async fn a_write_that_was_cut_was_never_acknowledged_and_is_no_damage() {
    let (log, sent) = in_wal().await;
    let wal = largest(&log.path(), "log");
    let whole = fs::read(&wal).unwrap();
    fs::write(&wal, &whole[..whole.len() - 30]).unwrap();
    let writer = reopen(&log).await.unwrap();
    assert_eq!(writer.tail(), sent[sent.len() - 2].end());
}

#[tokio::test]
async fn a_write_ahead_log_that_is_gone_is_told() {
    let (log, _) = in_wal().await;
    let mut writer = lead(&log.handle(), 2).await.unwrap();
    let sent = append_some(&mut *writer, 5).await;
    writer.mark_committed().await.unwrap();
    drop(writer);
    for wal in files(&log.path(), "log") {
        fs::remove_file(wal).unwrap();
    }
    // The files hold no word of it; who followed knows.
    match reopen(&log).await {
        Ok(writer) => {
            assert!(writer.tail().seq < sent.last().unwrap().last());
            drop(writer);
            let read = log.handle().read(sent[4].end(), ReadLimit::default()).await;
            let error = refusal(read);
            assert_eq!(*error.kind(), ErrorKind::LogRegressed, "{error}");
        }
        Err(error) => assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}"),
    }
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

/// Where the physical records of a write-ahead log begin.
fn records(wal: &Path) -> Vec<usize> {
    let bytes = fs::read(wal).unwrap();
    let (mut at, mut found) = (0, Vec::new());
    while at + 7 < bytes.len() {
        let left = (32 << 10) - at % (32 << 10);
        if left < 7 {
            at += left;
            continue;
        }
        found.push(at);
        at += 7 + usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
    }
    found
}

/// RocksDB would look at such a record for ever.
#[tokio::test]
async fn a_type_that_rocksdb_never_gets_past_is_told_to_writers_and_readers() {
    let (log, _) = in_wal().await;
    let wal = largest(&log.path(), "log");
    let places = records(&wal);
    for at in [places[0], places[5], *places.last().unwrap()] {
        flip(&wal, at + 6, 0x04);
        is_told(&log, reopen(&log).await);
        is_told(&log, read_all(&log.handle()).await);
        flip(&wal, at + 6, 0x04);
    }
    reopen(&log).await.expect("whole again");
}

/// Batches that take several blocks have a header of RocksDB's in their midst.
#[tokio::test]
async fn damage_among_large_batches_is_told() {
    for place in [3, 9] {
        let log = Log::new().await;
        let mut writer = lead(&log.handle(), 1).await.unwrap();
        for n in 0..8_u8 {
            append(&mut *writer, &vec![n; 100_000]).await.unwrap();
        }
        drop(writer);
        let wal = largest(&log.path(), "log");
        flip(&wal, records(&wal)[place] + 5, 0x40);
        is_told(&log, reopen(&log).await);
    }
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
    let tuning = super::super::options::Tuning::new();
    let db = super::super::database::open("tamper", &log.path(), &tuning).unwrap();
    change(&db);
}

#[tokio::test]
async fn a_batch_that_is_missing_in_the_middle_is_told_to_writers_and_readers() {
    let (log, sent) = in_wal().await;
    let key = super::super::layout::batch_key(sent[10].first());
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
    let key = super::super::layout::batch_key(sent.last().unwrap().first());
    tamper(&log, |db| db.delete(key).unwrap());
    is_told(&log, reopen(&log).await);
}

#[tokio::test]
async fn an_operator_who_accepts_a_loss_begins_anew_and_keeps_what_was_there() {
    let (log, sent) = in_files().await;
    let key = super::super::layout::batch_key(sent.last().unwrap().first());
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
