//! Room ahead of a writer of files: an append pays for its own pages.

use std::time::Duration;

use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, Epoch, OpLogStore, Store};

use crate::disk::PowerDisk;
use crate::words::{batch_of, cluster, epoch_start, token};

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
