use std::slice::from_ref;

use standfast_core::{ErrorKind, ReadLimit};

use super::support::{Log, batch, token};
use crate::layers::{Fault, Layer, Operation, Retry};

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_in_the_log_and_its_writer_is_poisoned() {
    let log = Log::new().await;
    let mut writer = log.writer().await;
    let first = batch(writer.tail(), 1);
    log.faults
        .script(Operation::Append, 1..=1, Fault::LoseAnswer);
    let error = writer.append(&first).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate);
    assert_eq!(log.held().await, from_ref(&first));
    let second = batch(first.end(), 1);
    let error = writer.append(&second).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate);
    writer.mark_committed().await.unwrap_err();
    let settled = writer.settled(first.end(), ReadLimit::default()).await;
    assert_eq!(*settled.unwrap_err().kind(), ErrorKind::Indeterminate);
    writer.close().await.unwrap();
    assert_eq!(log.held().await, from_ref(&first));
    // The next term settles what was in doubt.
    let next = log.faulty.open_writer(&token(2)).await.unwrap();
    assert_eq!(next.tail(), first.end());
}

#[tokio::test]
async fn an_append_that_is_provably_not_written_leaves_its_writer_alive() {
    let log = Log::new().await;
    let mut writer = log.writer().await;
    let first = batch(writer.tail(), 1);
    log.faults
        .script(Operation::Append, 1..=1, Fault::Fail(ErrorKind::NotWritten));
    let error = writer.append(&first).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotWritten);
    assert_eq!(log.held().await, []);
    writer.append(&first).await.unwrap();
    assert_eq!(log.held().await, [first]);
}

#[tokio::test]
async fn a_torn_append_leaves_the_first_half_and_of_one_entry_nothing() {
    let log = Log::new().await;
    let mut writer = log.writer().await;
    log.faults.script(Operation::Append, 1..=2, Fault::Tear);
    let genesis = writer.tail();
    let whole = batch(genesis, 5);
    let error = writer.append(&whole).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate);
    assert_eq!(log.held().await, [batch(genesis, 2)]);
    let mut next = log.faulty.open_writer(&token(2)).await.unwrap();
    let single = batch(next.tail(), 1);
    next.append(&single).await.unwrap_err();
    assert_eq!(log.held().await.len(), 1, "nothing of a batch of one");
    assert_eq!(
        *next.append(&single).await.unwrap_err().kind(),
        ErrorKind::Indeterminate,
        "poisoned"
    );
}

#[tokio::test]
async fn an_append_that_was_dropped_counts_as_in_doubt() {
    let log = Log::new().await;
    let mut writer = log.writer().await;
    let first = batch(writer.tail(), 1);
    log.faults.script(Operation::Append, 1..=1, Fault::Stall);
    tokio::select! {
        biased;
        _ = writer.append(&first) => panic!("it stands still"),
        () = log.faults.stalled() => {}
    }
    let error = writer.append(&first).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate);
    assert_eq!(log.held().await, []);
}

#[tokio::test]
async fn a_layer_never_appends_a_second_time() {
    let log = Log::new().await;
    let retried = Retry::new(5).oplog(log.faulty);
    let mut writer = retried.open_writer(&token(1)).await.unwrap();
    let first = batch(writer.tail(), 1);
    for kind in [ErrorKind::NotWritten, ErrorKind::Unavailable] {
        let before = log.faults.calls(Operation::Append);
        log.faults
            .script(Operation::Append, 1..=1, Fault::Fail(kind.clone()));
        assert_eq!(*writer.append(&first).await.unwrap_err().kind(), kind);
        assert_eq!(log.faults.calls(Operation::Append), before + 1);
    }
}
