use super::oplog::LogFixture;
use super::support::*;
use standfast_core::{Chain, Epoch, ErrorKind, Position, ReadLimit, Seq};

/// OL-12
pub(crate) async fn a_log_begun_anew_holds_nothing_of_lower_epochs<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    let mut old = lead(&*store, 1).await.unwrap();
    append(&mut *old, b"old").await.unwrap();
    old.mark_committed().await.unwrap();
    let begin = Position {
        epoch: Epoch(2),
        seq: Seq(50),
        chain: Chain::of(b"a snapshot"),
    };
    match store.begin_at(&token(4), begin).await {
        Err(error) if *error.kind() == ErrorKind::Unsupported => return,
        begun => begun.unwrap(),
    }
    let error = append(&mut *old, b"late").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    let error = store.begin_at(&token(3), begin).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    store.begin_at(&token(4), begin).await.expect("again");

    for store in [store, log.open()] {
        let bounds = store.bounds().await.unwrap();
        assert_eq!((bounds.floor, bounds.epoch), (Seq(51), Epoch(4)));
        assert_eq!((bounds.before_floor, bounds.tail), (begin, begin));
        let elsewhere = Position {
            chain: Chain::of(b"another"),
            ..begin
        };
        for (after, kind) in [
            (old.tail(), ErrorKind::Trimmed { floor: Seq(51) }),
            (elsewhere, ErrorKind::LogRegressed),
        ] {
            let error = refusal(store.read(after, ReadLimit::default()).await);
            assert_eq!(*error.kind(), kind, "{error}");
        }
    }

    let mut writer = lead(&*log.open(), 4).await.unwrap();
    append(&mut *writer, b"new").await.unwrap();
    writer.mark_committed().await.unwrap();
    drop(writer);
    let mut next = lead(&*log.open(), 5).await.unwrap();
    append(&mut *next, b"newer").await.unwrap();
    next.mark_committed().await.unwrap();
    let read = read_after(&*log.open(), begin).await.unwrap();
    assert_eq!(payloads(&read), [b"new".to_vec(), b"newer".to_vec()]);
    let error = refusal(log.open().read(old.tail(), ReadLimit::default()).await);
    assert_eq!(*error.kind(), ErrorKind::Trimmed { floor: Seq(51) });
}

/// OL-13
pub(crate) async fn what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out<F: LogFixture>() {
    let log = F::new().await;
    let store = log.open();
    assert_eq!(store.skips().await.unwrap(), []);
    let mut old = lead(&*store, 1).await.unwrap();
    match store.skip(&token(2), &skip(2)).await {
        Err(error) if *error.kind() == ErrorKind::Unsupported => return,
        skipped => skipped.unwrap(),
    }
    let error = append(&mut *old, b"late").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    store.skip(&token(2), &skip(2)).await.expect("again");
    let error = store.skip(&token(1), &skip(1)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    store.skip(&token(3), &skip(3)).await.unwrap();
    assert_eq!(log.open().skips().await.unwrap(), [skip(2), skip(3)]);
}
