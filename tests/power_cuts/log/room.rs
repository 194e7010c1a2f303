//! Room ahead of a writer of files: an append pays for its own pages.

use std::time::Duration;

use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, Epoch, OpLogStore, Position, ReadLimit, Store};

use crate::disk::{Loss, PowerDisk};
use crate::words::{batch, batch_of, cluster, epoch_start, token};

const PATIENCE: Duration = Duration::from_mins(1);

/// Appends one batch, and waits until so much was made ready of which the next append would sync nothing.
async fn is_synced_by_nobody_who_waits(segment: ByteSize, batch: &[&[u8]], ready: ByteSize) {
    let disk = PowerDisk::mount();
    let log = FileOpLog::open(&disk.path().join("log"), segment).unwrap();
    log.init(cluster()).await.unwrap();
    let token = token(Epoch(1));
    let mut writer = log.open_writer(&token).await.unwrap();
    let start = epoch_start(token.epoch, writer.tail());
    let end = writer.append(&start).await.unwrap();
    let batch = batch_of(token.epoch, end, batch);
    writer.append(&batch).await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    let synced = async {
        while disk.used() < ready.0 || disk.dirty() > 0 {
            ticks.tick().await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, synced).await.is_ok(),
        "{} pages wait for the next append",
        disk.dirty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_ahead_of_a_writer_of_files_is_synced_by_nobody_who_waits() {
    is_synced_by_nobody_who_waits(ByteSize::mib(2), &[b"little"], ByteSize::mib(6)).await;
}

/// It comes to the end of what was zeroed for it: what is left of its segment, and the next one, are only allocated.
#[tokio::test(flavor = "multi_thread")]
async fn the_room_ahead_of_a_writer_that_outruns_it_is_synced_by_nobody_who_waits() {
    let megabyte = vec![b'x'; 1 << 20];
    let batch = [megabyte.as_slice(); 6];
    is_synced_by_nobody_who_waits(ByteSize::mib(8), &batch, ByteSize::mib(20)).await;
}

/// The next segment was prepared, zeros and all, so that nothing but its own beginning is left to be synced. The power goes
/// before each of the syncs that lead into it.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_was_prepared_begins_whole_or_not_at_all() {
    const SEGMENT: ByteSize = ByteSize::mib(2);
    for sync in 1..=8 {
        let mut disk = PowerDisk::mount();
        let dir = disk.path().join("log");
        let log = FileOpLog::open(&dir, SEGMENT).unwrap();
        log.init(cluster()).await.unwrap();
        let mut writer = log.open_writer(&token(Epoch(1))).await.unwrap();
        let start = epoch_start(Epoch(1), writer.tail());
        let mut acknowledged = writer.append(&start).await.unwrap();
        // The segment that is written, the one that is prepared, and the reserve.
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        while disk.used() < ByteSize::mib(6).0 || disk.dirty() > 0 {
            ticks.tick().await;
        }
        let much = vec![b'x'; 1 << 20];
        let filling = batch(Epoch(1), acknowledged, &much);
        acknowledged = writer.append(&filling).await.unwrap();
        disk.stop_before_sync(disk.syncs() + sync);
        let next = batch(Epoch(1), acknowledged, &much);
        if let Ok(position) = writer.append(&next).await {
            acknowledged = position;
        }
        drop((writer, log));
        disk.cut(Loss::Everything);
        let log = FileOpLog::open(&dir, SEGMENT).unwrap();
        let writer = log.open_writer(&token(Epoch(2))).await;
        let writer = writer.unwrap_or_else(|error| panic!("sync {sync}: {error}"));
        assert!(writer.tail().seq >= acknowledged.seq, "sync {sync}");
        let genesis = Position::genesis(cluster());
        log.read(genesis, ReadLimit::default()).await.unwrap();
    }
}
