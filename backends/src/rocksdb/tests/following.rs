//! Readers while others write.

use std::sync::atomic::{AtomicU32, Ordering};

use rocksdb::DB;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::super::RocksDbOpLog;
use super::super::database::batches;
use super::{Log, append_some};
use crate::log_words::{
    Guard, append, cluster, epoch_start, lead, next, next_batches, read_after, read_all, refusal,
    token,
};
use standfast_core::{
    Batch, Epoch, ErrorKind, FenceToken, OpLogStore, OpLogTail, Position, ReadLimit, Seq, TailEvent,
};

#[tokio::test]
async fn a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch() {
    let log = Log::new().await;
    let mut writer = lead(&log.handle(), 1).await.unwrap();
    append(&mut *writer, b"a").await.unwrap();
    writer.mark_committed().await.unwrap();
    let mut tail = log
        .handle()
        .tail(Position::genesis(cluster()))
        .await
        .unwrap();
    let mut got = Vec::new();
    loop {
        match next(&mut *tail).await.unwrap() {
            TailEvent::Batches(batches) => got.extend(batches),
            TailEvent::CaughtUp { tail } => break assert_eq!(tail, writer.tail()),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(got.last().unwrap().end(), writer.tail());
    drop(writer);
    let mut writer = log.handle().open_writer(&token(2)).await.unwrap();
    assert_eq!(
        next(&mut *tail).await.unwrap(),
        TailEvent::NewEpoch(Epoch(2))
    );
    let start = epoch_start(Epoch(2), writer.tail());
    writer.append(&start).await.unwrap();
    writer.mark_committed().await.unwrap();
    assert_eq!(next_batches(&mut *tail).await, [start]);
}

/// OL-6: a secondary instance sees what is written and perhaps not synced; its readers must not.
#[tokio::test]
async fn what_is_not_known_committed_is_delivered_to_nobody() {
    let log = Log::new().await;
    let store = log.handle();
    let mut writer = lead(&store, 1).await.unwrap();
    let start = writer.tail();
    let last = append(&mut *writer, b"not marked").await.unwrap();
    for reader in [store.clone(), log.handle()] {
        let read = read_all(&reader).await.unwrap();
        assert_eq!(read.len(), 1, "one is followed by another");
        assert_eq!(read[0].end(), start);
        assert_eq!(reader.bounds().await.unwrap().tail, start);
        assert_eq!(read_after(&reader, start).await.unwrap(), []);
    }
    writer.mark_committed().await.unwrap();
    for reader in [store.clone(), log.handle()] {
        assert_eq!(reader.bounds().await.unwrap().tail, last.end());
        assert_eq!(
            read_after(&reader, start).await.unwrap(),
            std::slice::from_ref(&last)
        );
    }
}

async fn follow_to(tail: &mut dyn OpLogTail, position: &mut Position, end: Position) {
    while *position != end {
        for batch in next_batches(tail).await {
            assert!(batch.follows(*position), "{} after {position}", batch.end());
            *position = batch.end();
        }
    }
}

/// Through everything that moves entries from one file to another.
#[tokio::test]
async fn a_tail_misses_nothing_through_terms_trims_and_megabytes() {
    let log = Log::new().await;
    let reader = log.handle();
    let mut tail = reader.tail(Position::genesis(cluster())).await.unwrap();
    let mut position = Position::genesis(cluster());
    for epoch in 1..=4 {
        let store = log.handle();
        let mut writer = lead(&store, epoch).await.unwrap();
        // Three times what the database gathers in memory, and more than its write-ahead log may have.
        for n in 0..50_u8 {
            append(&mut *writer, &vec![n; 1 << 20]).await.unwrap();
            writer.mark_committed().await.unwrap();
            if n % 10 == 0 {
                follow_to(&mut *tail, &mut position, writer.tail()).await;
            }
        }
        follow_to(&mut *tail, &mut position, writer.tail()).await;
        let guard = Guard {
            token: token(epoch),
            needed: None,
        };
        let through = Seq(position.seq.0 - 5);
        let floor = store.trim(through, &guard).await.unwrap();
        assert_eq!(floor, through.next());
        append(&mut *writer, b"after the trim").await.unwrap();
        writer.mark_committed().await.unwrap();
        follow_to(&mut *tail, &mut position, writer.tail()).await;
    }
}

/// A standby that becomes primary, and a primary that becomes standby, go on with the same handle.
#[tokio::test]
async fn a_tail_goes_on_while_its_own_handle_takes_over_and_gives_up() {
    let log = Log::new().await;
    let store = log.handle();
    let mut tail = store.tail(Position::genesis(cluster())).await.unwrap();
    let mut position = Position::genesis(cluster());
    for (epoch, is_ours) in [(1, false), (2, true), (3, false), (4, true)] {
        let leader = if is_ours { store.clone() } else { log.handle() };
        let mut writer = lead(&leader, epoch).await.unwrap();
        let sent: Vec<Batch> = append_some(&mut *writer, 10).await;
        writer.mark_committed().await.unwrap();
        follow_to(&mut *tail, &mut position, sent.last().unwrap().end()).await;
    }
}

/// Only merged files are dropped whole.
fn merge(log: &RocksDbOpLog, token: &FenceToken) {
    let merge = |db: &DB| {
        db.compact_range_cf(batches(db), None::<&[u8]>, None::<&[u8]>);
        Ok(())
    };
    log.space().as_holder(token, "merge", merge).unwrap();
}

/// h11: between a reader's first look and its second, a trim drops the file that it was about to read.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_a_trim_overtakes_is_told_so() {
    let log = Log::new().await;
    let store = log.handle();
    let mut writer = lead(&store, 1).await.unwrap();
    let sent = append_some(&mut *writer, 10).await;
    drop(writer);
    let mut writer = lead(&store, 2).await.unwrap();
    merge(&store, &token(2));
    append(&mut *writer, b"new").await.unwrap();
    let guard = Guard {
        token: token(2),
        needed: None,
    };
    let (here, through) = (sent[2].end(), sent[9].last());
    let runtime = Handle::current();
    let read = spawn_blocking(move || {
        let trims = AtomicU32::new(0);
        store.space().look("read", |view| {
            view.find(here)?;
            if trims.fetch_add(1, Ordering::Relaxed) == 0 {
                runtime.block_on(store.trim(through, &guard))?;
            }
            view.read(here, ReadLimit::default())
        })
    });
    let error = refusal(read.await.unwrap());
    assert!(matches!(error.kind(), ErrorKind::Trimmed { .. }), "{error}");
}
