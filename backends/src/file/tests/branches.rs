use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::{append_some, fresh, lead, next_batch, open};
use crate::file::FileOpLog;
use crate::file::begin::Begin;
use crate::file::segment::{Cursor, SegmentHeader, Step};
use crate::file::settle::Claim;
use crate::log_words::{
    cluster, epoch_start, next, next_batches, payloads, read_after, read_all, refusal, token,
};
use standfast_core::{
    Batch, Chain, Epoch, ErrorKind, OpLogStore, OpLogWriter, Position, ReadLimit, Seq, TailEvent,
};

/// All frames in all segments, whatever they are worth.
fn all_frames(log: &FileOpLog) -> Vec<Batch> {
    let mut frames = Vec::new();
    for segment in log
        .dir()
        .segments()
        .load(cluster(), Begin::genesis(cluster()))
        .unwrap()
        .values()
    {
        let mut cursor: Cursor = segment.cursor_before(Seq::ZERO).unwrap();
        loop {
            match cursor.step().unwrap() {
                Step::Batch(batch) => frames.push(batch),
                Step::Mark => {}
                Step::End => break,
            }
        }
    }
    frames
}

/// The wrong rule: at each step the batch of the highest epoch.
fn read_greedily(frames: &[Batch]) -> Vec<Batch> {
    let mut position = Position::genesis(cluster());
    let mut read = Vec::new();
    while let Some(batch) = frames
        .iter()
        .filter(|batch| batch.follows(position))
        .max_by_key(|batch| batch.epoch())
    {
        position = batch.end();
        read.push(batch.clone());
    }
    read
}

#[tokio::test]
async fn a_dead_epoch_start_beside_a_settled_batch_deceives_the_greedy_reader_only() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut first = lead(&log, 1).await;
    let mut history = append_some(&mut first, 3).await;
    first.mark_committed().await.unwrap();
    let mut tail = open(dir.path()).tail(first.tail()).await.unwrap();
    // Epoch 3 reads the tail, and stands still.
    let third = Claim::make(log.dir(), &token(3)).unwrap();
    let seen_by_third = third.survey().unwrap();
    assert_eq!(seen_by_third.tip().seq, Seq(4));
    // The writer of epoch 1, a zombie by now, writes seq 5.
    let late = next_batch(&first, b"written by a zombie");
    first.write(&late).unwrap();
    first.sync().unwrap();
    let error = first.acknowledge(&late).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    // Epoch 4 finds it, and is about to settle it.
    let fourth = Claim::make(log.dir(), &token(4)).unwrap();
    let seen_by_fourth = fourth.survey().unwrap();
    assert_eq!(seen_by_fourth.tip(), late.end());
    // Epoch 3 goes on: its EpochStart takes seq 5 as well.
    let dead = third.settle(&seen_by_third).unwrap();
    let dead_start = epoch_start(Epoch(3), dead.settled);
    dead.file
        .write_all_at(dead_start.frame(), dead.offset)
        .unwrap();
    assert_eq!(dead_start.first(), late.first());
    let error = third.serve(dead).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    // Epoch 4 leads.
    let settled = fourth.settle(&seen_by_fourth).unwrap();
    let mut fourth = fourth.serve(settled).unwrap();
    let start = epoch_start(Epoch(4), fourth.tail());
    fourth.append(&start).await.unwrap();
    history.extend([late, start]);
    history.extend(append_some(&mut fourth, 2).await);
    fourth.mark_committed().await.unwrap();

    let read = read_all(&open(dir.path())).await.unwrap();
    assert_eq!(read[1..], history);
    let mut followed = Vec::new();
    while followed.len() < 4 {
        followed.extend(next_batches(&mut *tail).await);
    }
    assert_eq!(followed, history[3..]);
    let greedy = read_greedily(&all_frames(&log));
    assert_eq!(
        greedy.last(),
        Some(&dead_start),
        "the greedy rule goes astray"
    );
    // And the next writer builds on epoch 4.
    let fifth = log.open_writer(&token(5)).await.unwrap();
    assert_eq!(fifth.tail(), history.last().unwrap().end());
}

#[tokio::test]
async fn a_writer_held_between_its_sync_and_its_look_at_the_fences_acknowledges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut held = lead(&log, 1).await;
    let written = next_batch(&held, b"written, synced, not acknowledged");
    held.write(&written).unwrap();
    held.sync().unwrap();
    let mut next = lead(&log, 2).await;
    let error = held.acknowledge(&written).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    append_some(&mut next, 1).await;
    next.mark_committed().await.unwrap();
    let read = read_all(&open(dir.path())).await.unwrap();
    assert_eq!(read[1], written, "found before it was fenced, so settled");
    assert_eq!(read.len(), 4);
}

#[tokio::test]
async fn what_a_zombie_writes_after_the_survey_is_dead_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut zombie = lead(&log, 1).await;
    append_some(&mut zombie, 2).await;
    let claim = Claim::make(log.dir(), &token(2)).unwrap();
    let survey = claim.survey().unwrap();
    let dead = next_batch(&zombie, b"too late");
    zombie.write(&dead).unwrap();
    zombie.sync().unwrap();
    let segment = claim.settle(&survey).unwrap();
    let mut writer = claim.serve(segment).unwrap();
    assert_eq!(writer.tail(), zombie.tail());
    let start = epoch_start(Epoch(2), writer.tail());
    writer.append(&start).await.unwrap();
    writer.mark_committed().await.unwrap();
    zombie.mark_committed().await.unwrap();
    for epoch in [3, 4] {
        let mut later = lead(&log, epoch).await;
        later.mark_committed().await.unwrap();
        let read = read_all(&open(dir.path())).await.unwrap();
        assert!(!read.contains(&dead), "after epoch {epoch}");
        assert_eq!(payloads(&read).len(), 2);
    }
}

#[tokio::test]
async fn what_was_settled_survives_the_loss_of_the_old_pages() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut old = lead(&log, 1).await;
    append_some(&mut old, 2).await;
    let lost = next_batch(&old, b"in the page cache only");
    old.write(&lost).unwrap();
    let survey = log.dir().survey("test").unwrap();
    let (segment, scan) = survey.top().unwrap();
    let at = scan.offset - lost.frame().len().next_multiple_of(8) as u64;
    let path = segment.path().to_owned();
    let mut writer = lead(&log, 2).await;
    append_some(&mut writer, 1).await;
    // The power fails, and the pages of epoch 1 never reached the disk.
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&vec![0; lost.frame().len()], at).unwrap();
    let next = lead(&open(dir.path()), 3).await;
    drop(next);
    let mut last = lead(&open(dir.path()), 4).await;
    last.mark_committed().await.unwrap();
    let read = read_all(&open(dir.path())).await.unwrap();
    assert_eq!(read[3], lost);
    assert_eq!(read.last().unwrap().end(), last.tail());
}

#[tokio::test]
async fn a_leader_that_died_before_its_first_batch_leaves_no_trace_in_history() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut first = lead(&log, 1).await;
    append_some(&mut first, 2).await;
    for epoch in 2..8 {
        drop(log.open_writer(&token(epoch)).await.unwrap());
    }
    let mut last = lead(&log, 8).await;
    append_some(&mut last, 1).await;
    last.mark_committed().await.unwrap();
    let read = read_all(&open(dir.path())).await.unwrap();
    assert_eq!(payloads(&read).len(), 3);
    let epochs: Vec<_> = read.iter().map(|batch| batch.epoch().0).collect();
    assert_eq!(epochs, [1, 1, 1, 8, 8]);
}

#[tokio::test]
async fn the_settled_tail_is_drained_before_anything_is_appended() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut first = lead(&log, 1).await;
    let before = first.tail();
    let sent = append_some(&mut first, 5).await;
    let mut writer = log.open_writer(&token(2)).await.unwrap();
    assert_eq!(read_after(&log, before).await.unwrap(), sent[..4]);
    let drained = writer.settled(before, ReadLimit::default()).await.unwrap();
    assert_eq!(drained, sent);
    let rest = writer.settled(writer.tail(), ReadLimit::default()).await;
    assert_eq!(rest.unwrap(), []);
    let elsewhere = Position {
        chain: Chain::of(b"elsewhere"),
        ..before
    };
    let error = refusal(writer.settled(elsewhere, ReadLimit::default()).await);
    assert_eq!(*error.kind(), ErrorKind::LogRegressed);
}

#[tokio::test]
async fn a_missing_segment_is_a_gap_and_a_trimmed_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    for epoch in 1..4 {
        append_some(&mut lead(&log, epoch).await, 2).await;
    }
    let mut names = log.dir().segments().names().unwrap();
    names.sort_by_key(|name| name.first);
    let path = dir.path().join("segments").join(names[0].to_string());
    std::fs::remove_file(&path).unwrap();
    let error = read_all(&open(dir.path())).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Gap, "{error}");
    let floor = format!("{:020}", 4);
    std::fs::write(dir.path().join("floors").join(floor), "").unwrap();
    let error = read_all(&open(dir.path())).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Trimmed { floor } if *floor <= Seq(4)),
        "{error}"
    );
}

#[tokio::test]
async fn a_second_writer_with_the_same_token_waits_for_the_first_to_go() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let first = log.open_writer(&token(1)).await.unwrap();
    let error = refusal(log.open_writer(&token(1)).await);
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
    drop(first);
    let mut again = log.open_writer(&token(1)).await.unwrap();
    let start = epoch_start(Epoch(1), again.tail());
    again.append(&start).await.unwrap();
}

#[tokio::test]
async fn a_log_without_a_fingerprint_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let genesis = Position::genesis(cluster());
    for error in [
        refusal(log.bounds().await),
        refusal(log.read(genesis, ReadLimit::default()).await),
        refusal(log.tail(genesis).await),
        refusal(log.open_writer(&token(1)).await),
    ] {
        assert_eq!(*error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("cluster init"), "{error}");
    }
    assert_eq!(
        SegmentHeader::LEN % 8,
        0,
        "frames begin at multiples of eight"
    );
}

#[tokio::test]
async fn a_tail_holds_back_what_nobody_has_proved() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut writer = lead(&log, 1).await;
    writer.mark_committed().await.unwrap();
    let mut tail = open(dir.path()).tail(writer.tail()).await.unwrap();
    let caught_up = TailEvent::CaughtUp {
        tail: writer.tail(),
    };
    assert_eq!(next(&mut *tail).await.unwrap(), caught_up);
    let batch = next_batch(&writer, b"synced, not yet fence-checked");
    writer.write(&batch).unwrap();
    writer.sync().unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(50), tail.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    writer.acknowledge(&batch).unwrap();
    writer.mark_committed().await.unwrap();
    assert_eq!(next_batches(&mut *tail).await, [batch]);
}

#[tokio::test]
async fn the_gate_keeps_the_newest_fence_and_the_record_keeps_all() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut zombie = lead(&log, 1).await;
    for epoch in [2, 3, 900] {
        drop(log.open_writer(&token(epoch)).await.unwrap());
    }
    let list = |name: &str| std::fs::read_dir(dir.path().join(name)).unwrap().count();
    assert_eq!((list("fences"), list("gate")), (4, 1));
    // As if its listing had missed epoch 900: its own name is gone, and that tells as well.
    let gate = dir.path().join("gate");
    std::fs::remove_file(gate.join(format!("{:020}", 900))).unwrap();
    let batch = next_batch(&zombie, b"late");
    zombie.write(&batch).unwrap();
    let error = zombie.acknowledge(&batch).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
}
