use std::time::Duration;

use super::oplog::LogFixture;
use super::support::*;
use standfast_core::{Batch, Epoch, Position, TailEvent};

pub(crate) async fn a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch<F: LogFixture>() {
    let log = F::new().await;
    let mut writer = lead(&*log.open(), 1).await.unwrap();
    append(&mut *writer, b"a").await.unwrap();
    writer.mark_committed().await.unwrap();
    let mut tail = log.open().tail(Position::genesis(cluster())).await.unwrap();
    let mut got = Vec::new();
    loop {
        match next(&mut *tail).await.unwrap() {
            TailEvent::Batches(batches) => got.extend(batches),
            TailEvent::CaughtUp { tail } => break assert_eq!(tail, writer.tail()),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(got.last().unwrap().end(), writer.tail());
    let quiet = tokio::time::timeout(Duration::from_millis(30), tail.next()).await;
    assert!(quiet.is_err(), "the end is told once: {quiet:?}");
    let mut next_writer = log.open().open_writer(&token(2)).await.unwrap();
    assert_eq!(
        next(&mut *tail).await.unwrap(),
        TailEvent::NewEpoch(Epoch(2))
    );
    let start = epoch_start(Epoch(2), next_writer.tail());
    next_writer.append(&start).await.unwrap();
    next_writer.mark_committed().await.unwrap();
    assert_eq!(next_batches(&mut *tail).await, [start]);
}

pub(crate) async fn a_tail_sees_all_batches_in_order_while_they_are_written<F: LogFixture>() {
    const COUNT: usize = 10_000;
    let log = F::new().await;
    let mut writer = lead(&*log.open(), 1).await.unwrap();
    let mut tail = log.open().tail(Position::genesis(cluster())).await.unwrap();
    let writing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for n in 0..COUNT {
                append(&mut *writer, format!("entry {n}").as_bytes())
                    .await
                    .unwrap();
            }
            writer.mark_committed().await.unwrap();
            writer.tail()
        })
    });
    let mut position = Position::genesis(cluster());
    let mut count = 0;
    while count <= COUNT {
        for batch in next_batches(&mut *tail).await {
            assert!(batch.follows(position), "{} after {position}", batch.end());
            position = batch.end();
            count += 1;
        }
    }
    assert_eq!(position, writing.join().unwrap());
}

pub(crate) async fn a_dropped_wait_loses_nothing<F: LogFixture>() {
    let log = F::new().await;
    let mut writer = lead(&*log.open(), 1).await.unwrap();
    let mut tail = log.open().tail(Position::genesis(cluster())).await.unwrap();
    let mut got: Vec<Batch> = Vec::new();
    let mut sent = Vec::new();
    for n in 0..200_u8 {
        sent.push(append(&mut *writer, &[n]).await.unwrap());
        writer.mark_committed().await.unwrap();
        // Dropped at whatever point it has reached.
        let wait = Duration::from_micros(u64::from(n) * 7);
        if let Ok(Ok(TailEvent::Batches(batches))) = tokio::time::timeout(wait, tail.next()).await {
            got.extend(batches);
        }
    }
    while got.len() < 201 {
        got.extend(next_batches(&mut *tail).await);
    }
    assert_eq!(got[1..], sent);
}
