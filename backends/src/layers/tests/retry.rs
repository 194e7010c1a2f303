use std::time::Duration;

use standfast_core::ErrorKind;
use tokio::time::Instant;

use super::support::{Log, token};
use crate::layers::{Effect, Fault, Layer, Operation, Retry};

const UNAVAILABLE: Fault = Fault::Fail(ErrorKind::Unavailable);

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_in_passing_is_made_again_after_pauses_that_double() {
    let log = Log::new().await;
    let span = Duration::from_millis;
    let retried = Retry::new(5)
        .with_pauses(span(10), span(25))
        .oplog(log.faulty);
    log.faults.script(Operation::Usage, 1..=4, UNAVAILABLE);
    let begun = Instant::now();
    retried.usage().await.unwrap();
    assert_eq!(begun.elapsed(), span(10 + 20 + 25 + 25));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_try_its_error_is_told() {
    let log = Log::new().await;
    let retried = Retry::new(3).oplog(log.faulty);
    log.faults.script(Operation::Usage, 1.., UNAVAILABLE);
    let error = retried.usage().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
    assert_eq!(log.faults.calls(Operation::Usage), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_passing_trouble_is_told_at_once() {
    let log = Log::new().await;
    let retried = Retry::new(3).oplog(log.faulty);
    let kinds = [ErrorKind::Corrupt, ErrorKind::Fenced, ErrorKind::NotFound];
    for (kind, calls) in kinds.into_iter().zip(1..) {
        let fault = Fault::Fail(kind.clone());
        log.faults.script(Operation::Usage, 1..=1, fault);
        assert_eq!(*retried.usage().await.unwrap_err().kind(), kind);
        assert_eq!(log.faults.calls(Operation::Usage), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fence_whose_answer_was_lost_is_asked_for_again_with_the_same_token() {
    let log = Log::new().await;
    let retried = Retry::new(3).oplog(log.faulty);
    log.faults
        .script(Operation::OpenWriter, 1..=1, Fault::LoseAnswer);
    let writer = retried.open_writer(&token(4)).await.unwrap();
    assert_eq!(writer.epoch(), token(4).epoch);
}

#[test]
fn nothing_that_its_caller_must_decide_on_is_repeated() {
    let never = [
        Operation::Append,
        Operation::AppendVerbatim,
        Operation::SyncFollower,
        Operation::CutAfter,
        Operation::MarkCommitted,
        Operation::Close,
        Operation::Register,
        Operation::Depose,
        Operation::Publish,
        Operation::Reopen,
        Operation::Resign,
    ];
    for operation in Operation::ALL {
        let repeated = operation.effect().may_be_repeated();
        assert_eq!(repeated, !never.contains(operation), "{operation:?}");
        let in_doubt = operation.effect() == Effect::InDoubt;
        let lost = operation.effect().lost_answer();
        assert_eq!(lost == ErrorKind::Indeterminate, in_doubt);
    }
}
