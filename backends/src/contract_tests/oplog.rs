use std::sync::Arc;

use super::support::*;
use standfast_core::{Epoch, ErrorKind, OpLogStore, Position, ReadLimit, Seq, TailEvent};

/// A fresh log that several handles share; what it holds lives as long as the fixture.
pub(crate) trait LogFixture: Send + Sync {
    /// A new log of [`cluster`].
    fn new() -> impl Future<Output = Self>;

    /// Another handle on it.
    fn open(&self) -> Arc<dyn OpLogStore>;
}

pub(crate) async fn what_is_acknowledged_is_read_back_byte_for_byte<F: LogFixture>() {
    let log = F::new().await;
    let mut writer = lead(&*log.open(), 1).await.unwrap();
    let mut sent = Vec::new();
    for n in 0..20_u8 {
        sent.push(append(&mut *writer, &[n; 100]).await.unwrap());
    }
    writer.mark_committed().await.unwrap();
    let read = read_all(&*log.open()).await.unwrap();
    assert_eq!(read[1..], sent);
    let bounds = log.open().bounds().await.unwrap();
    assert_eq!(
        (bounds.floor, bounds.tail, bounds.epoch),
        (Seq(1), writer.tail(), Epoch(1))
    );
}

/// OL-11
pub(crate) async fn what_is_left_is_read_from_before_the_floor<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let fresh = store.bounds().await.unwrap();
    let genesis = Position::genesis(cluster());
    assert_eq!((fresh.before_floor, fresh.tail), (genesis, genesis));
    let mut writer = lead(&*store, 1).await.unwrap();
    for n in 0..20_u8 {
        append(&mut *writer, &[n; 8192]).await.unwrap();
    }
    drop(writer);
    // The second term's first segment, where there are segments, begins with what the first left unsettled.
    let mut writer = lead(&*store, 2).await.unwrap();
    for n in 20..40_u8 {
        append(&mut *writer, &[n; 8192]).await.unwrap();
    }
    writer.mark_committed().await.unwrap();
    let all = read_all(&*store).await.unwrap();
    let guard = Guard {
        token: token(2),
        needed: None,
    };
    let mut floors = Vec::new();
    for through in [0, 10, 19, 20, 21, 22, 23, 30, 1000] {
        let floor = store.trim(Seq(through), &guard).await.unwrap();
        // A handle of its own, which remembers nothing.
        let other = log.open();
        let bounds = other.bounds().await.unwrap();
        assert_eq!(bounds.floor, floor);
        assert_eq!(bounds.before_floor.seq.next(), floor);
        let left = read_after(&*other, bounds.before_floor).await.unwrap();
        let wanted = all.iter().filter(|batch| batch.first() >= floor).cloned();
        assert_eq!(left, wanted.collect::<Vec<_>>(), "floor {floor}");
        floors.push(floor);
    }
    assert!(floors.first() == Some(&Seq(1)) && floors.last() > Some(&Seq(22)));
}

pub(crate) async fn a_zombie_is_fenced_and_stays_so<F: LogFixture>() {
    let log = F::new().await;
    let mut zombie = lead(&*log.open(), 1).await.unwrap();
    let acknowledged = append(&mut *zombie, b"acknowledged").await.unwrap();
    let mut writer = lead(&*log.open(), 2).await.unwrap();
    for _ in 0..2 {
        let error = append(&mut *zombie, b"late").await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
    }
    append(&mut *writer, b"new").await.unwrap();
    writer.mark_committed().await.unwrap();
    let read = read_all(&*log.open()).await.unwrap();
    assert_eq!(payloads(&read), [b"acknowledged".to_vec(), b"new".to_vec()]);
    assert_eq!(read.get(1), Some(&acknowledged));
}

pub(crate) async fn what_nobody_marked_is_settled_by_the_next_writer<F: LogFixture>() {
    let log = F::new().await;
    let mut dead = lead(&*log.open(), 1).await.unwrap();
    let before = dead.tail();
    let last = append(&mut *dead, b"unmarked").await.unwrap();
    drop(dead);
    let mut writer = log.open().open_writer(&token(2)).await.unwrap();
    assert_eq!(writer.tail(), last.end());
    let drained = writer.settled(before, ReadLimit::default()).await.unwrap();
    assert_eq!(drained, [last]);
}

pub(crate) async fn an_epoch_that_is_not_higher_is_fenced<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    drop(store.open_writer(&token(5)).await.unwrap());
    drop(
        store
            .open_writer(&token(5))
            .await
            .expect("our own lost answer"),
    );
    let mut other = token(5);
    other.nonce = 99;
    for refused in [other, token(4)] {
        let error = refusal(store.open_writer(&refused).await);
        assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
    }
    drop(lead(&*store, 5).await.unwrap());
    let error = refusal(store.open_writer(&token(5)).await);
    assert_eq!(*error.kind(), ErrorKind::Fenced, "it has appended: {error}");
}

pub(crate) async fn a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives<F: LogFixture>() {
    let log = F::new().await;
    let mut writer = lead(&*log.open(), 1).await.unwrap();
    let tail = writer.tail();
    let skipping = batch(Epoch(1), batch(Epoch(1), tail, &[b"x"]).end(), &[b"y"]);
    let error = writer.append(&skipping).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Gap);
    assert_eq!(writer.tail(), tail);
    append(&mut *writer, b"z").await.unwrap();
    writer.mark_committed().await.unwrap();
    assert_eq!(payloads(&read_all(&*log.open()).await.unwrap()), [b"z"]);
}

pub(crate) async fn a_batch_over_the_limit_is_unsupported_and_the_writer_lives<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut writer = lead(&*store, 1).await.unwrap();
    let payload = vec![0; 1 << 20];
    let count = store.capabilities().max_batch_bytes / payload.len() + 1;
    let huge = batch(Epoch(1), writer.tail(), &vec![payload.as_slice(); count]);
    let error = writer.append(&huge).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    append(&mut *writer, b"small").await.unwrap();
}

pub(crate) async fn a_position_of_another_history_is_regressed<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut writer = lead(&*store, 1).await.unwrap();
    append(&mut *writer, b"a").await.unwrap();
    let there = writer.tail();
    append(&mut *writer, b"b").await.unwrap();
    writer.mark_committed().await.unwrap();
    let elsewhere = Position {
        chain: batch(Epoch(1), Position::genesis(cluster()), &[b"other"])
            .end()
            .chain,
        ..there
    };
    let beyond = batch(Epoch(1), writer.tail(), &[b"never written"]).end();
    for wrong in [elsewhere, beyond] {
        let error = store.read(wrong, ReadLimit::default()).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::LogRegressed, "{error}");
        let error = refusal(store.tail(wrong).await);
        assert_eq!(*error.kind(), ErrorKind::LogRegressed, "{error}");
    }
    assert_eq!(read_after(&*store, writer.tail()).await.unwrap(), []);
}

pub(crate) async fn a_read_keeps_its_limits_but_gives_one_batch<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut writer = lead(&*store, 1).await.unwrap();
    let begin = writer.tail();
    for n in 0..10_u8 {
        append(&mut *writer, &[n; 1000]).await.unwrap();
    }
    writer.mark_committed().await.unwrap();
    let read = async |batches, bytes| {
        let limit = ReadLimit { batches, bytes };
        store.read(begin, limit).await.unwrap().len()
    };
    assert_eq!(read(3, usize::MAX).await, 3);
    assert_eq!(read(100, 1).await, 1);
    assert_eq!(read(100, 2500).await, 2);
    assert_eq!(read(100, usize::MAX).await, 10);
}

pub(crate) async fn data_of_another_cluster_are_foreign<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    assert_eq!(store.fingerprint().await.unwrap(), Some(cluster()));
    store.init(cluster()).await.expect("again is fine");
    let error = store.init(stranger()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Foreign);
    let mut foreign = token(1);
    foreign.cluster = stranger();
    let error = refusal(store.open_writer(&foreign).await);
    assert_eq!(*error.kind(), ErrorKind::Foreign);
    assert_eq!(store.fingerprint().await.unwrap(), Some(cluster()));
}

pub(crate) async fn trim_keeps_what_is_needed_and_the_last_batch<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut writer = lead(&*store, 1).await.unwrap();
    for n in 0..40_u8 {
        append(&mut *writer, &[n; 8192]).await.unwrap();
    }
    writer.mark_committed().await.unwrap();
    let all = read_all(&*store).await.unwrap();
    let guard = |epoch, needed| Guard {
        token: token(epoch),
        needed,
    };
    let floor = store.trim(Seq(30), &guard(1, Some(Seq(11)))).await.unwrap();
    assert!(floor > Seq(1) && floor <= Seq(11), "floor {floor}");
    let end_before = |floor: Seq| {
        let before = all.iter().find(|batch| batch.last().next() == floor);
        before.unwrap().end()
    };
    let rest = read_after(&*store, end_before(floor)).await.unwrap();
    assert_eq!(rest.first().unwrap().first(), floor);
    assert_eq!(rest.last(), all.last());
    let floor = store.trim(Seq(30), &guard(1, None)).await.unwrap();
    assert!(floor > Seq(11) && floor <= Seq(31), "floor {floor}");
    assert_eq!(store.trim(Seq(30), &guard(1, None)).await.unwrap(), floor);
    let error = read_all(&*store).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Trimmed { floor });
    store.trim(Seq(1000), &guard(1, None)).await.unwrap();
    let tail = store.bounds().await.unwrap().tail;
    assert_eq!(tail, all.last().unwrap().end(), "the last batch stays");
    let error = store.trim(Seq(1), &guard(2, None)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    append(&mut *writer, b"on it goes").await.unwrap();
}

/// OL-14
pub(crate) async fn its_size_grows_with_appends_and_falls_with_trims<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut writer = lead(&*store, 1).await.unwrap();
    let Some(fresh) = store.usage().await.unwrap() else {
        return;
    };
    for n in 0..40_u8 {
        append(&mut *writer, &[n; 8192]).await.unwrap();
    }
    writer.mark_committed().await.unwrap();
    let full = store.usage().await.unwrap().unwrap();
    assert!(fresh.bytes < full.bytes, "{fresh:?} {full:?}");
    assert!(full.bytes >= 40 * 8192, "{full:?}");
    let guard = Guard {
        token: token(1),
        needed: None,
    };
    store.trim(Seq(1000), &guard).await.unwrap();
    let trimmed = store.usage().await.unwrap().unwrap();
    assert!(trimmed.bytes < full.bytes / 2, "{trimmed:?} {full:?}");
}

pub(crate) async fn a_tail_below_the_floor_says_so<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut writer = lead(&*store, 1).await.unwrap();
    writer.mark_committed().await.unwrap();
    let mut tail = store.tail(Position::genesis(cluster())).await.unwrap();
    assert_eq!(next_batches(&mut *tail).await.len(), 1);
    for n in 0..40_u8 {
        append(&mut *writer, &[n; 8192]).await.unwrap();
    }
    writer.mark_committed().await.unwrap();
    let guard = Guard {
        token: token(1),
        needed: None,
    };
    let floor = store.trim(Seq(41), &guard).await.unwrap();
    // It may still have a few of the deleted batches at hand; then it must say where the log begins.
    let mut position = Seq(1);
    loop {
        match next(&mut *tail).await.unwrap() {
            TailEvent::Batches(batches) => {
                assert_eq!(batches.first().unwrap().first(), position.next());
                position = batches.last().unwrap().last();
                assert!(position < floor, "delivered {position}, floor {floor}");
            }
            TailEvent::Trimmed { floor: told } => break assert_eq!(told, floor),
            TailEvent::CaughtUp { .. } | TailEvent::NewEpoch(_) => {}
        }
    }
}

macro_rules! oplog_stories {
    ($fixture:ty) => {
        $crate::contract_tests::oplog_stories!($fixture:
            oplog: what_is_acknowledged_is_read_back_byte_for_byte,
            oplog: a_zombie_is_fenced_and_stays_so,
            oplog: what_nobody_marked_is_settled_by_the_next_writer,
            oplog: an_epoch_that_is_not_higher_is_fenced,
            oplog: a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives,
            oplog: a_batch_over_the_limit_is_unsupported_and_the_writer_lives,
            oplog: a_position_of_another_history_is_regressed,
            oplog: a_read_keeps_its_limits_but_gives_one_batch,
            oplog: data_of_another_cluster_are_foreign,
            oplog: trim_keeps_what_is_needed_and_the_last_batch,
            oplog: its_size_grows_with_appends_and_falls_with_trims,
            oplog: a_tail_below_the_floor_says_so,
            oplog: what_is_left_is_read_from_before_the_floor,
            begun: a_log_begun_anew_holds_nothing_of_lower_epochs,
            begun: what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out,
            tailing: a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch,
            tailing: a_tail_sees_all_batches_in_order_while_they_are_written,
            tailing: a_dropped_wait_loses_nothing,
            race: of_racing_writers_every_acknowledged_entry_stays
        );
    };
    ($fixture:ty: $($file:ident: $story:ident),*) => {
        $(
            #[tokio::test]
            async fn $story() {
                $crate::contract_tests::$file::$story::<$fixture>().await;
            }
        )*
    };
}
pub(crate) use oplog_stories;
