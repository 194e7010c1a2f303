//! Of the write-ahead log.

use std::fs;
use std::path::Path;

use super::super::super::records::CommittedRecord;
use super::super::{Log, append_some, files};
use super::{flip, in_wal, is_told, largest, marked, reopen};
use crate::log_words::{append, batch, lead, read_all, refusal};
use crate::record::encode;
use standfast_core::{Batch, Epoch, ErrorKind, OpLogStore, ReadLimit, Seq};

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
    is_told(&log, reopen(&log).await);
    // Readers have no word of it but what they know themselves.
    let read = log.handle().read(sent[4].end(), ReadLimit::default()).await;
    let error = refusal(read);
    assert_eq!(*error.kind(), ErrorKind::LogRegressed, "{error}");
}

/// Entries are somebody else's bytes: one may quote a mark, or a whole batch.
fn quoting(sent: &[Batch], far: u64) -> Vec<u8> {
    let mut position = sent.last().unwrap().end();
    position.seq = Seq(far);
    let mut quote = encode(&CommittedRecord { position }).unwrap();
    quote.extend_from_slice(b"\n");
    let entry = batch(Epoch(9), position, &[b"quoted"]);
    quote.extend_from_slice(entry.frame());
    quote.resize(1000, b' ');
    quote
}

#[tokio::test]
async fn what_an_entry_quotes_is_no_sign_of_damage_when_its_write_was_cut() {
    let (log, sent) = in_wal().await;
    let mut writer = lead(&log.handle(), 2).await.unwrap();
    append(&mut *writer, &quoting(&sent, 1 << 40))
        .await
        .unwrap();
    let end = writer.tail();
    drop(writer);
    let wal = largest(&log.path(), "log");
    let whole = fs::read(&wal).unwrap();
    fs::write(&wal, &whole[..whole.len() - 30]).unwrap();
    let writer = lead(&log.handle(), 3).await.unwrap();
    assert_eq!(writer.tail().seq, end.seq, "a term begins where it was");
}

#[tokio::test]
async fn what_an_entry_quotes_hides_no_damage() {
    let (log, sent) = in_wal().await;
    let mut writer = lead(&log.handle(), 2).await.unwrap();
    append(&mut *writer, &quoting(&sent, 1 << 40))
        .await
        .unwrap();
    append_some(&mut *writer, 5).await;
    drop(writer);
    let wal = largest(&log.path(), "log");
    let places = records(&wal);
    // Not the last one: nothing would follow it.
    let place = places[places.len() - 3];
    flip(&wal, place + 10, 1);
    is_told(&log, lead(&log.handle(), 3).await);
    flip(&wal, place + 10, 1);
    flip(&wal, place + 5, 0x40);
    is_told(&log, lead(&log.handle(), 3).await);
}

/// Whole sectors, and none of the records that they held can be made out.
#[tokio::test]
async fn a_sector_of_zeros_in_the_write_ahead_log_is_told() {
    let (log, _) = in_wal().await;
    let wal = largest(&log.path(), "log");
    let mut bytes = fs::read(&wal).unwrap();
    bytes[512..1024].fill(0);
    fs::write(&wal, bytes).unwrap();
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

/// What a power cut may leave of a write that was under way: its length, and not all of its bytes.
#[tokio::test]
async fn a_write_that_was_cut_at_full_length_is_no_damage() {
    for torn in [TornAt::End, TornAt::Middle, TornAt::FirstBlock] {
        let log = Log::new().await;
        let mut writer = lead(&log.handle(), 1).await.unwrap();
        append_some(&mut *writer, 5).await;
        writer.mark_committed().await.unwrap();
        let end = writer.tail();
        append(&mut *writer, &vec![7; 100_000]).await.unwrap();
        drop(writer);
        let wal = largest(&log.path(), "log");
        let mut bytes = fs::read(&wal).unwrap();
        let length = bytes.len();
        let zeros = match torn {
            TornAt::End => length - 30..length,
            TornAt::Middle => 40_960..45_056,
            TornAt::FirstBlock => 8192..16_384,
        };
        bytes[zeros].fill(0);
        fs::write(&wal, bytes).unwrap();
        let read = read_all(&log.handle()).await.unwrap();
        assert_eq!(read.last().unwrap().end(), end, "{torn:?}");
        let writer = lead(&log.handle(), 2).await.unwrap();
        assert_eq!(writer.tail().seq, end.seq.next(), "{torn:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum TornAt {
    End,
    Middle,
    /// The middle and the last fragment are there, and the first is not.
    FirstBlock,
}
